import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { Encoder } from '../src/ipc/encoder.ts';
import { FrameReader } from '../src/ipc/frame-reader.ts';

export const EXECUTOR = join(import.meta.dirname ?? '.', '../bin/quarry-executor');

/** A folder that is gone after the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'quarry-executor-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes files, given by relative path, into a fresh folder. */
export function folderWith(t: TestContext, files: Record<string, string>): string {
  const folder = temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

export type Frame = Record<string, any>;

export interface Ended {
  code: number | null;
  frames: Frame[];
  stderr: string;
}

export const REQUEST = { run_id: 'run-1', attempt: 1, job: { url: 'https://shop.test/' } };

/** An executor over a real pipe, as the runtime starts it. */
export class RunningExecutor {
  readonly child: ChildProcess;
  readonly frames: Frame[] = [];
  readonly output: Socket;
  stderr = '';
  /** Told of each frame when it has come. */
  onFrame: (frame: Frame) => void = () => {};
  private readonly ended = Promise.withResolvers<Ended>();

  constructor(t: TestContext, args: string[], environment: Record<string, string | undefined> = {}) {
    const { read, write } = pipe(temporaryFolder(t));
    this.child = spawn(EXECUTOR, args, {
      stdio: ['pipe', write, 'pipe'],
      // Compiled modules of test scripts shall not fill the user's own cache.
      env: { ...process.env, QUARRY_CACHE_DIR: join(tmpdir(), 'quarry-test-cache'), ...environment },
    });
    closeSync(write);
    this.output = new Socket({ fd: read, readable: true, writable: false });
    this.child.stderr?.on('data', (bytes) => this.stderr += bytes);
    this.child.stdin?.on('error', () => {});
    this.collect();
    t.after(() => this.child.kill('SIGKILL'));
  }

  send(text: string | Uint8Array): this {
    this.child.stdin?.write(text);
    return this;
  }

  request(request: object): this {
    return this.send(`${JSON.stringify(request)}\n`);
  }

  ack(ack: object): this {
    const encoder = new Encoder();
    const mark = encoder.reserve();
    encoder.value({ type: 'file_write_ack', ...ack });
    encoder.patch(mark, encoder.length - 4);
    return this.send(encoder.take());
  }

  end(): this {
    this.child.stdin?.end();
    return this;
  }

  result(): Promise<Ended> {
    return this.ended.promise;
  }

  private collect(): void {
    const reader = new FrameReader();
    const finished = Promise.all([
      new Promise<void>((resolve) => this.output.on('close', () => resolve())),
      new Promise<number | null>((resolve) => this.child.on('close', resolve)),
    ]);
    this.output.on('data', (bytes) => {
      for (const frame of reader.feed(bytes)) {
        this.frames.push(frame);
        this.onFrame(frame);
      }
    });
    finished.then(([, code]) => this.ended.resolve({ code, frames: this.frames, stderr: this.stderr }));
  }
}

function pipe(folder: string): { read: number; write: number } {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { read, write: openSync(path, constants.O_WRONLY) };
}

/** Runs a script, given as source, to its end; the runtime's side acks every file. */
export function runScript(
  t: TestContext,
  source: string,
  request: object = {},
  environment?: Record<string, string>,
): Promise<Ended> {
  const folder = folderWith(t, { 'script.ts': source });
  const executor = new RunningExecutor(t, [join(folder, 'script.ts')], environment);
  executor.onFrame = (frame) => {
    if (frame.type === 'file_write') executor.ack({ write_id: frame.write_id, ok: true });
  };
  return executor.request({ ...REQUEST, ...request }).result();
}

/** `export const config = …` in front of a script that wants no browser. */
export const noBrowser = (source: string): string => `export const config = { browser: false };\n${source}`;

/** Types of the frames, with the parts of a payload that a transcript needs. */
export const types = (frames: Frame[]): string[] => frames.map((frame) => frame.type);

export const outcomeOf = (frames: Frame[]): Frame => frames.at(-1)?.outcome ?? {};

/** An executor that serves runs of scripts, one after the other. */
export class ServingExecutor extends RunningExecutor {
  private taken = 0;
  private waiting: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(t: TestContext, args: string[] = ['--serve=module'], environment?: Record<string, string>) {
    super(t, args, environment);
    this.onFrame = (frame) => {
      if (frame.type === 'file_write') this.ack({ write_id: frame.write_id, ok: true });
      if (frame.type === 'run_end') this.waiting.resolve();
    };
  }

  /** The frames of one run, the last of them its `run_end`. Rejects when the process ends before. */
  async serve(script: string, request: object = {}): Promise<Frame[]> {
    this.waiting = Promise.withResolvers();
    this.request({ ...REQUEST, script, ...request });
    const ended = this.result().then(({ code, stderr }) => {
      throw new Error(`the executor ended with ${code}: ${stderr}`);
    });
    await Promise.race([this.waiting.promise, ended]);
    const frames = this.frames.slice(this.taken);
    this.taken = this.frames.length;
    return frames;
  }
}
