import { Buffer } from 'node:buffer';
import {
  type StorageAPI,
  type StorageFile,
  storageKey,
  type StoragePartition,
  StorageWriteError,
  type StoredFile,
  validateFilename,
} from '../../../sdk/src/index.ts';
import type { FrameWriter } from '../ipc/frame-writer.ts';
import { encodeFileHead } from '../ipc/frames.ts';
import type { InputListener } from '../ipc/input.ts';
import { DATA_LIMIT } from '../ipc/limits.ts';

interface PendingWrite extends PromiseWithResolvers<void> {
  filename: string;
}

export interface FileStorageOptions {
  writer: FrameWriter;
  partition: StoragePartition | undefined;
  /** True once the run has a terminal event. */
  isTerminated: () => boolean;
  /** Called when the first write begins to wait for its ack, and when the last has it. */
  onWaiting?: (waiting: boolean) => void;
}

/** `storage.put`: sends files past the order of events and matches the runtime's acks to them. */
export class FileStorage implements InputListener {
  readonly api: StorageAPI = { put: (file) => this.put(file) };
  private readonly options: FileStorageOptions;
  private readonly pending = new Map<number, PendingWrite>();
  private lastID = 0;
  private hadAck = false;
  private ended: { error?: Error } | undefined;

  constructor(options: FileStorageOptions) {
    this.options = options;
    options.writer.onFailure = (failure) => this.rejectAll(failure);
  }

  /** Resolves when no write waits for its ack, and none follows at once, as from a batcher's queue. */
  async settled(): Promise<void> {
    while (this.pending.size > 0) {
      await Promise.allSettled([...this.pending.values()].map((write) => write.promise));
      await new Promise((resume) => setImmediate(resume));
    }
  }

  frame(frame: Record<string, unknown>): void {
    if (frame.type !== 'file_write_ack') return;
    this.hadAck = true;
    const write = this.pending.get(frame.write_id as number);
    if (!write) return;
    this.forget(frame.write_id as number);
    if (frame.ok === true) write.resolve();
    else {write.reject(
        new StorageWriteError(write.filename, String(frame.error ?? 'the runtime did not say why')),
      );}
  }

  end(error?: Error): void {
    this.ended = { error };
    for (const [id, write] of [...this.pending]) {
      this.forget(id);
      this.settleUnacknowledged(write);
    }
  }

  /** Nobody is left who could ack. */
  private rejectAll(failure: Error): void {
    for (const [id, write] of [...this.pending]) {
      this.forget(id);
      write.reject(failure);
    }
  }

  private async put(file: StorageFile): Promise<StoredFile> {
    const { writer, partition, isTerminated } = this.options;
    const { filename, content_type } = checkedFile(file);
    const data = fileBytes(file.data);
    if (isTerminated()) throw new StorageWriteError(filename, 'run already terminated');
    if (writer.failure) throw writer.failure;
    const write_id = ++this.lastID;
    writer.frame(
      (encoder) => encodeFileHead(encoder, { write_id, filename, content_type }, data.length),
      data,
    );
    if (writer.failure) throw writer.failure;
    const write: PendingWrite = { filename, ...Promise.withResolvers<void>() };
    this.remember(write_id, write);
    if (this.ended) {
      this.forget(write_id);
      this.settleUnacknowledged(write);
    }
    await write.promise;
    return { key: storageKey(partition, filename) };
  }

  /** A runtime that never sent an ack does not know them; one that did has lost this one. */
  private settleUnacknowledged(write: PendingWrite): void {
    const error = this.ended?.error;
    if (error) {
      write.reject(new StorageWriteError(write.filename, `the acks cannot be read: ${error.message}`));
    } else if (this.hadAck) {
      write.reject(new StorageWriteError(write.filename, 'the runtime ended its acks before this one'));
    } else write.resolve();
  }

  private remember(id: number, write: PendingWrite): void {
    this.pending.set(id, write);
    if (this.pending.size === 1) this.options.onWaiting?.(true);
  }

  private forget(id: number): void {
    if (this.pending.delete(id) && this.pending.size === 0) this.options.onWaiting?.(false);
  }
}

function checkedFile(file: StorageFile): StorageFile {
  if (typeof file !== 'object' || file === null) throw new TypeError('storage.put takes one object');
  validateFilename(file.filename);
  if (typeof file.content_type !== 'string' || file.content_type === '') {
    throw new TypeError('storage.put: content_type must be a string that is not empty');
  }
  return file;
}

function fileBytes(data: unknown): Uint8Array {
  const bytes = typeof data === 'string'
    ? Buffer.from(data)
    : data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : data;
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError('storage.put: data must be a Uint8Array, an ArrayBuffer or a string');
  }
  if (bytes.length > DATA_LIMIT) {
    throw new RangeError(
      `storage.put takes at most ${DATA_LIMIT} bytes, not ${bytes.length}; emit an artifact instead`,
    );
  }
  return bytes;
}
