import type { Channel } from './channel.ts';
import { EncodeError } from './encode-error.ts';
import { Encoder } from './encoder.ts';
import { PAYLOAD_LIMIT } from './limits.ts';

/** Frames of one turn of the event loop that leave together; a pipe holds twice as much. */
const BATCH = 32 * 1024;
/** Bytes that may wait for a reader before calls that nobody awaits stop the script itself. */
const WAITING_LIMIT = 8 * 1024 * 1024;
/**
 * Data from this size on leaves at once, from where it lies, instead of being copied behind its head. What the pipe does
 * not take is copied then.
 */
const OWN_PIECE = BATCH;
/** How often to look whether a full pipe has room again; a pipe that is full keeps its reader busy for longer. */
const RETRY_MS = 1;
/** A script that only awaits emits would keep timers and the browser's messages waiting for longer than this. */
const TURN_MS = 10;

const ROOM = Promise.resolve();

/**
 * Writes frames in the order of the calls. A call takes all of its bytes before it returns, so later changes of its
 * payload and data do not matter. What a script emits leaves at the end of the turn, or when 32 KiB have come together;
 * the returned promise resolves when there is room for more, which is where a script waits for a runtime that does not
 * read. Calls that nobody awaits block when 8 MiB are waiting.
 */
export class FrameWriter {
  /** Told once, when the reader is gone. */
  onFailure: (failure: Error) => void = () => {};
  private readonly channel: Channel;
  private readonly wrapFailure: (cause: Error) => Error;
  private readonly encoder = new Encoder();
  private pieces: Uint8Array[] = [];
  /** Bytes of the first piece that are written. */
  private offset = 0;
  /** Bytes in `pieces` that are not. */
  private waiting = 0;
  private scheduled = false;
  /** Set while the pipe is full. */
  private full: PromiseWithResolvers<void> | undefined;
  /** When the first of the frames that wait for the end of the turn was taken, or the last turn ended. */
  private turnBegan = performance.now();
  private failed: Error | undefined;

  /** @param wrapFailure what calls reject with once the reader is gone. */
  constructor(channel: Channel, wrapFailure: (cause: Error) => Error = (cause) => cause) {
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
    if (this.failed) return this.rejected();
    if (this.waiting + this.encoder.length > WAITING_LIMIT) this.writeBlocking(WAITING_LIMIT / 2);
    const before = this.encoder.length;
    try {
      this.take(encode, data);
    } catch (error) {
      this.encoder.truncate(before);
      throw error;
    }
    if (this.waiting + this.encoder.length < BATCH) this.schedule();
    else if (!this.full) this.writeOut();
    if (data) this.copyRest(data);
    return this.room();
  }

  /** Resolves when all that was taken is written; rejects when the reader is gone. */
  flush(): Promise<void> {
    if (!this.failed && !this.full) this.writeOut();
    return this.failed ? this.rejected() : this.full?.promise ?? ROOM;
  }

  /** Writes all that waits, for a process that ends before its next turn. Blocks until the pipe has taken it. */
  flushAtExit(): void {
    try {
      if (!this.failed) this.writeBlocking(0);
    } catch {
      // The reader has gone: nobody is left to be told.
    }
  }

  private take(encode: (encoder: Encoder) => void, data?: Uint8Array): void {
    const mark = this.encoder.reserve();
    encode(this.encoder);
    const size = this.encoder.length - mark + (data?.length ?? 0);
    if (size > PAYLOAD_LIMIT) {
      throw new EncodeError(`takes ${size} bytes; a frame holds at most ${PAYLOAD_LIMIT}`);
    }
    this.encoder.patch(mark, size);
    if (!data) return;
    if (data.length < OWN_PIECE) this.encoder.raw(data);
    else {
      this.seal();
      this.add(data);
    }
  }

  /** The caller may change its data as soon as the call has returned. */
  private copyRest(data: Uint8Array): void {
    const last = this.pieces.length - 1;
    if (last < 0 || this.pieces[last] !== data) return;
    const rest = last === 0 ? data.subarray(this.offset) : data;
    this.pieces[last] = new Uint8Array(rest);
    if (last === 0) this.offset = 0;
  }

  /** What a call returns. */
  private room(): Promise<void> {
    if (this.failed) return this.rejected();
    if (this.full) return this.full.promise;
    if (performance.now() - this.turnBegan < TURN_MS) return ROOM;
    return new Promise((resolve) =>
      setImmediate(() => {
        this.turnBegan = performance.now();
        resolve();
      })
    );
  }

  /** A call that nobody awaits must not end the process when the reader is gone. */
  private rejected(): Promise<void> {
    const rejection = Promise.reject(this.failed);
    rejection.catch(() => {});
    return rejection;
  }

  private schedule(): void {
    if (this.scheduled || this.full) return;
    this.scheduled = true;
    this.turnBegan = performance.now();
    setImmediate(() => {
      this.scheduled = false;
      this.turnBegan = performance.now();
      if (!this.full && !this.failed) this.writeOut();
    });
  }

  private seal(): void {
    if (this.encoder.length > 0) this.add(this.encoder.take());
  }

  private add(piece: Uint8Array): void {
    this.pieces.push(piece);
    this.waiting += piece.length;
  }

  /** Writes what there is, or as much as the pipe takes and the rest when it has room. */
  private writeOut(): void {
    this.seal();
    try {
      while (this.pieces.length > 0) if (!this.writeSome()) return this.retry();
    } catch (error) {
      return this.fail(error as Error);
    }
    this.encoder.reuse();
    this.full?.resolve();
    this.full = undefined;
  }

  private retry(): void {
    if (!this.full) {
      this.full = Promise.withResolvers();
      this.full.promise.catch(() => {});
    }
    setTimeout(() => this.writeOut(), RETRY_MS);
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

  /** Writes until no more than `left` bytes wait. */
  private writeBlocking(left: number): void {
    this.seal();
    const pause = new Int32Array(new SharedArrayBuffer(4));
    try {
      while (this.waiting > left) if (!this.writeSome()) Atomics.wait(pause, 0, 0, RETRY_MS);
    } catch (error) {
      this.fail(error as Error);
      throw this.failed;
    }
  }

  private fail(cause: Error): void {
    this.failed = this.wrapFailure(cause);
    this.pieces = [];
    this.full?.reject(this.failed);
    this.full = undefined;
    this.onFailure(this.failed);
  }
}
