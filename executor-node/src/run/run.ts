import process from 'node:process';
import { SinkFailedError } from '../../../sdk/src/index.ts';
import { openChannel } from '../ipc/channel.ts';
import { FrameWriter } from '../ipc/frame-writer.ts';
import type { Input } from '../ipc/input.ts';
import { parseRequest } from '../ipc/request.ts';
import { loadScript } from '../script/load.ts';
import { CurrentRun } from './current-run.ts';
import { load, type OpenSession } from './loading.ts';
import { FailureWatch } from './watch.ts';

export interface RunOptions {
  /** Absolute path of the script. */
  script: string;
  resolveFrom?: string;
  /** File descriptor for the frames. */
  frames: number;
  input: Input;
}

/** Runs one script from the request line to the last frame. Resolves to the process' exit code. @throws RequestError */
export async function run({ script, resolveFrom, frames, input }: RunOptions): Promise<number> {
  const watch = new FailureWatch();
  // A runtime may start the executor before it has work for it: loading needs no request.
  const browser = () => openSessions(script, resolveFrom);
  const loading = load({ script: () => loadScript(script), browser, watch });
  const request = parseRequest(await input.requestLine());
  input.unref();
  const writer = frameWriter(frames);
  return await new CurrentRun(script, request, { input, writer, watch, resolveFrom }).execute(loading);
}

/** Imports the browser's code and the driver that a script uses. */
export async function openSessions(script: string, resolveFrom?: string): Promise<OpenSession> {
  const { loadDriver, openSession } = await import('../browser/session.ts');
  await loadDriver(script, resolveFrom);
  return openSession;
}

/** The process' one way out for frames. What was emitted leaves also when a script ends the process by itself. */
export function frameWriter(frames: number): FrameWriter {
  const writer = new FrameWriter(openChannel(frames), (cause) => new SinkFailedError(cause));
  process.on('exit', () => writer.flushAtExit());
  return writer;
}
