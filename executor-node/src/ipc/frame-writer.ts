import type { Channel } from './channel.ts';
import { EncodeError } from './encode-error.ts';
import { Encoder } from './encoder.ts';
import { PAYLOAD_LIMIT } from './limits.ts';

/** Bytes that may wait for a reader before calls that nobody awaits stop the script itself. */
const WAITING_LIMIT = 8 * 1024 * 1024;
/** Data from this size on is written from where it lies instead of being copied behind its head. */
const OWN_PIECE = 16 * 1024;
/** How often to look whether a full pipe has room again; a pipe that is full keeps its reader busy for longer. */
const RETRY_MS = 1;
/** A script that only awaits emits would keep timers and the browser's messages waiting for ever. */
const TURN_MS = 10;

/**
 * Writes frames in the order of the calls. A call encodes at once, so later changes of its payload do not matter; what
 * one turn of the script emits leaves in one write. The returned promise resolves when all is in the pipe: that is
 * where a script waits for a runtime that does not read. Calls that nobody awaits block when 8 MiB are waiting.
 */
export class FrameWriter {
  private readonly channel: Channel;
  private readonly wrapFailure: (cause: Error) => Error;
  private readonly encoder = new Encoder();
  private pieces: Uint8Array[] = [];
  /** Bytes of the first piece that are written. */
  private offset = 0;
  private waiting = 0;
  private scheduled = false;
  private drained: PromiseWithResolvers<void> | undefined;
  private lastTurn = performance.now();
  private failed: Error | undefined;

  /** @param wrapFailure what calls reject with once the reader is gone. */
  constructor(
    channel: Channel,
    wrapFailure: (cause: Error) => Error = (cause) => cause,
  ) {
    this.channel = channel;
    this.wrapFailure = wrapFailure;
  }

  /** Why nothing can be written any more. */
  get failure(): Error | undefined {
    return this.failed;
  }

  /**
   * Takes one frame: what `encode` writes, and `data` right behind it.
   * @throws EncodeError when it cannot be encoded or is over the limit; then nothing was taken.
   */
  frame(encode: (encoder: Encoder) => void, data?: Uint8Array): Promise<void> {
    if (this.failed) return Promise.reject(this.failed);
    if (this.waiting + this.encoder.length > WAITING_LIMIT) this.writeBlocking();
    const before = this.encoder.length;
    try {
      this.take(encode, data);
    } catch (error) {
      this.encoder.truncate(before);
      throw error;
    }
    return this.schedule();
  }

  /** Resolves when all that was taken is written; rejects when the reader is gone. */
  flush(): Promise<void> {
    if (this.failed) return Promise.reject(this.failed);
    return this.drained?.promise ?? Promise.resolve();
  }

  private take(encode: (encoder: Encoder) => void, data?: Uint8Array): void {
    const mark = this.encoder.reserve();
    encode(this.encoder);
    const size = this.encoder.length - mark + (data?.length ?? 0);
    if (size > PAYLOAD_LIMIT) {
      throw new EncodeError(
        `takes ${size} bytes; a frame holds at most ${PAYLOAD_LIMIT}`,
      );
    }
    this.encoder.patch(mark, size);
    if (!data) return;
    if (data.length < OWN_PIECE) this.encoder.raw(data);
    else {
      this.seal();
      this.add(data);
    }
  }

  private schedule(): Promise<void> {
    if (!this.drained) {
      this.drained = Promise.withResolvers();
      // A call that nobody awaits must not end the process when the reader is gone.
      this.drained.promise.catch(() => {});
    }
    if (!this.scheduled) {
      this.scheduled = true;
      queueMicrotask(() => this.writeOut());
    }
    return this.drained.promise;
  }

  private seal(): void {
    if (this.encoder.length > 0) this.add(this.encoder.take());
  }

  private add(piece: Uint8Array): void {
    this.pieces.push(piece);
    this.waiting += piece.length;
  }

  private writeOut(): void {
    this.seal();
    try {
      while (this.pieces.length > 0) {
        if (!this.writeSome()) {
          setTimeout(() => this.writeOut(), RETRY_MS);
          return;
        }
      }
    } catch (error) {
      return this.fail(error as Error);
    }
    this.done();
  }

  /** False when the pipe is full. */
  private writeSome(): boolean {
    const [piece] = this.pieces;
    const written = this.channel.write(piece, this.offset);
    this.offset += written;
    this.waiting -= written;
    if (this.offset < piece.length) return written > 0;
    this.pieces.shift();
    this.offset = 0;
    return true;
  }

  private writeBlocking(): void {
    this.seal();
    const pause = new Int32Array(new SharedArrayBuffer(4));
    try {
      while (this.waiting > WAITING_LIMIT / 2) {
        if (!this.writeSome()) Atomics.wait(pause, 0, 0, RETRY_MS);
      }
    } catch (error) {
      this.fail(error as Error);
      throw this.failed;
    }
  }

  private done(): void {
    this.encoder.reuse();
    this.scheduled = false;
    const { resolve } = this.drained as PromiseWithResolvers<void>;
    this.drained = undefined;
    if (performance.now() - this.lastTurn < TURN_MS) return resolve();
    setImmediate(() => {
      this.lastTurn = performance.now();
      resolve();
    });
  }

  private fail(cause: Error): void {
    this.failed = this.wrapFailure(cause);
    this.pieces = [];
    this.drained?.reject(this.failed);
  }
}
