import { Buffer } from 'node:buffer';
import type { Readable } from 'node:stream';
import { FrameReader } from './frame-reader.ts';
import { RequestError } from './request.ts';

const NEWLINE = 0x0a;
const LINE_LIMIT = 64 * 1024 * 1024;

export interface InputListener {
  frame(frame: Record<string, unknown>): void;
  /** No more frames; `error` when it was not the regular end of the stream. */
  end(error?: Error): void;
}

/**
 * The executor's standard input: one line of JSON, then frames until end of file. For an executor that serves many
 * runs, lines may also follow between frames.
 */
export class Input {
  private readonly stream: Readable;
  private readonly lines: string[] = [];
  private waiting: PromiseWithResolvers<string> | undefined;
  private readonly reader: FrameReader;
  private head: Buffer[] | undefined = [];
  private headSize = 0;
  private listener: InputListener | undefined;
  private early: Record<string, unknown>[] = [];
  private ended: { error?: Error } | undefined;

  constructor(stream: Readable, { manyLines = false } = {}) {
    this.stream = stream;
    this.reader = new FrameReader({ mayHoldLines: manyLines });
    stream.on('data', (bytes: Buffer) => this.feed(bytes));
    stream.on('end', () => this.end());
    stream.on('error', (error: Error) => this.end(error));
  }

  /** The next request line. @throws RequestError when the input ends before it does. */
  async requestLine(): Promise<string> {
    const line = this.lines.shift();
    if (line !== undefined) return line;
    if (this.ended) throw this.missingLine();
    this.waiting = Promise.withResolvers();
    return await this.waiting.promise;
  }

  /** True when the stream ended as it should, with nothing begun. */
  get isAtEnd(): boolean {
    return this.ended !== undefined && !this.ended.error && this.headSize === 0;
  }

  /** Gives every frame, also those that came already, to `listener`. */
  listen(listener: InputListener): void {
    this.listener = listener;
    for (const frame of this.early.splice(0)) listener.frame(frame);
    if (this.ended) listener.end(this.ended.error);
  }

  /** Keeps the process alive until the stream ends. */
  ref(): void {
    (this.stream as Readable & { ref?(): void }).ref?.();
  }

  /** Lets the process end although more could come. */
  unref(): void {
    (this.stream as Readable & { unref?(): void }).unref?.();
  }

  private feed(bytes: Buffer): void {
    if (this.ended) return;
    if (!this.head) return this.frames(bytes);
    this.text(bytes, this.head);
  }

  private text(bytes: Buffer, head: Buffer[]): void {
    const end = bytes.indexOf(NEWLINE);
    head.push(end < 0 ? bytes : bytes.subarray(0, end));
    this.headSize += bytes.length;
    if (end >= 0) {
      this.lines.push(Buffer.concat(head).toString('utf8'));
      this.head = undefined;
      this.headSize = 0;
      this.handLine();
      this.frames(bytes.subarray(end + 1));
    } else if (this.headSize > LINE_LIMIT) {
      this.end(
        new RequestError(`the request line is over ${LINE_LIMIT} bytes`),
      );
    }
  }

  private frames(bytes: Buffer): void {
    try {
      for (const frame of this.reader.feed(bytes)) {
        if (this.listener) this.listener.frame(frame);
        else this.early.push(frame);
      }
    } catch (error) {
      return this.end(error as Error);
    }
    const text = this.reader.takeText();
    if (!text) return;
    this.head = [];
    this.text(text, this.head);
  }

  private end(error?: Error): void {
    if (this.ended) return;
    this.ended = { error };
    this.waiting?.reject(this.missingLine());
    this.listener?.end(error);
    if (error) this.stream.destroy();
  }

  private handLine(): void {
    if (!this.waiting) return;
    this.waiting.resolve(this.lines.shift() ?? '');
    this.waiting = undefined;
  }

  private missingLine(): Error {
    return this.ended?.error ?? new RequestError('standard input ended before the request line');
  }
}
