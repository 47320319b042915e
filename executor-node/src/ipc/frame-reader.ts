import { Buffer } from 'node:buffer';
import { decode, DecodeError } from './decoder.ts';
import { PAYLOAD_LIMIT } from './limits.ts';

/** Cuts a stream of bytes, in pieces of any size, into decoded frames. */
export class FrameReader {
  private rest: Buffer = Buffer.alloc(0);
  private readonly mayHoldLines: boolean;

  /** @param mayHoldLines between frames there may be text, which `feed` stops before. */
  constructor({ mayHoldLines = false } = {}) {
    this.mayHoldLines = mayHoldLines;
  }

  /** Bytes of a frame that is not whole yet. */
  get pending(): number {
    return this.rest.length;
  }

  /** Takes what `feed` stopped before; undefined when that is no text. */
  takeText(): Buffer | undefined {
    if (!this.isAtText) return undefined;
    const text = this.rest;
    this.rest = Buffer.alloc(0);
    return text;
  }

  /** The length of a frame is below 2^24, so its first byte is zero, which no text begins with. */
  private get isAtText(): boolean {
    return this.mayHoldLines && this.rest.length > 0 && this.rest[0] !== 0;
  }

  /**
   * The frames that `bytes` completes, in order.
   * @throws DecodeError for a frame over the limit, one that is no map, or one that cannot be decoded.
   */
  *feed(bytes: Uint8Array): Generator<Record<string, unknown>> {
    this.rest = this.rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.rest, bytes]);
    while (this.rest.length >= 4 && !this.isAtText) {
      const size = this.rest.readUInt32BE(0);
      if (size > PAYLOAD_LIMIT) {
        throw new DecodeError(
          `a frame of ${size} bytes is over the limit of ${PAYLOAD_LIMIT}`,
        );
      }
      if (this.rest.length < 4 + size) return;
      const payload = this.rest.subarray(4, 4 + size);
      this.rest = this.rest.subarray(4 + size);
      yield frameMap(decode(payload));
    }
  }
}

function frameMap(value: unknown): Record<string, unknown> {
  if (
    typeof value === 'object' && value !== null && !Array.isArray(value) &&
    !Buffer.isBuffer(value)
  ) {
    return value as Record<string, unknown>;
  }
  throw new DecodeError('a frame that is not a map');
}
