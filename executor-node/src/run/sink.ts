import { type EmitSink, type EventEnvelope, type HostReport, PayloadError } from '../../../sdk/src/index.ts';
import { EncodeError } from '../ipc/encode-error.ts';
import type { Encoder } from '../ipc/encoder.ts';
import type { FrameWriter } from '../ipc/frame-writer.ts';
import { encodeChunkHead } from '../ipc/frames.ts';
import { jsonLength, mayReach } from '../ipc/json-length.ts';
import { CHUNK_SIZE, LINE_LIMIT } from '../ipc/limits.ts';
import type { HostNotes } from './hosts.ts';

/** Room in a stored line for what the runtime adds: the kind of record, the policy, partition keys. */
const LINE_RESERVE = 8 * 1024;

/** Turns a script's events into frames. */
export class FrameSink implements EmitSink {
  private readonly writer: FrameWriter;
  private readonly hosts: HostNotes;
  private closed: Error | undefined;

  constructor(writer: FrameWriter, hosts: HostNotes) {
    this.writer = writer;
    this.hosts = hosts;
  }

  get failure(): Error | undefined {
    return this.closed ?? this.writer.failure;
  }

  /** Takes nothing more from the script; what it has taken goes out. */
  close(reason: Error): void {
    this.closed = reason;
  }

  event(envelope: EventEnvelope): Promise<void> {
    try {
      return this.writer.frame((encoder) => encodeEvent(encoder, envelope));
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error;
      throw new PayloadError(`emit ${envelope.type}: ${error.message.replace(/^payload\.?/, '')}`);
    }
  }

  artifact(artifact_id: string, data: Uint8Array): void {
    const chunks = Math.max(1, Math.ceil(data.length / CHUNK_SIZE));
    for (let index = 0; index < chunks; index++) {
      const piece = data.subarray(index * CHUNK_SIZE, (index + 1) * CHUNK_SIZE);
      const head = { artifact_id, seq: index + 1, is_last: index + 1 === chunks };
      this.writer.frame((encoder) => encodeChunkHead(encoder, head, piece.length), piece);
    }
  }

  hostReport(report: HostReport): void {
    this.hosts.add(report);
  }
}

function encodeEvent(encoder: Encoder, envelope: EventEnvelope): void {
  const start = encoder.length;
  encoder.value(envelope);
  const encoded = encoder.peek(start);
  if (!mayReach(encoded, LINE_LIMIT - LINE_RESERVE)) return;
  const length = jsonLength(encoded);
  if (length >= LINE_LIMIT - LINE_RESERVE) {
    throw new EncodeError(
      `takes ${length} bytes as JSON, and a stored line holds ${LINE_LIMIT}; send it as an artifact`,
    );
  }
}
