import process from 'node:process';
import { toError } from '../errors.ts';
import type { FrameWriter } from '../ipc/frame-writer.ts';
import type { Input, InputListener } from '../ipc/input.ts';
import { parseRequest, RequestError, type RunRequest } from '../ipc/request.ts';
import { report } from '../report.ts';
import { loadScript } from '../script/load.ts';
import { CurrentRun } from './current-run.ts';
import { load } from './loading.ts';
import { frameWriter, openSessions } from './run.ts';
import { FailureWatch } from './watch.ts';

export interface ServeOptions {
  resolveFrom?: string;
  /** Absolute path of a script whose browser driver is loaded ahead. */
  driverFor?: string;
  /** File descriptor for the frames. */
  frames: number;
  input: Input;
}

export type ServedRequest = RunRequest & { script: string };

/** What a run's process says of the run when it is over. */
export interface RunEnd {
  /** As the exit code of a process that ran nothing else. */
  code: number;
  pid: number;
  had_browser: boolean;
  /** What the run left in the process, in words: then the next run should have another process. */
  left_behind?: string;
}

/**
 * Serves a single run, as if the process had been started for it. Resolves to the process' exit code.
 * @throws RequestError
 */
export async function serveOne({ driverFor, resolveFrom, frames, input }: ServeOptions): Promise<number> {
  const watch = new FailureWatch();
  const writer = frameWriter(frames);
  // The run that needs a driver says why there is none.
  if (driverFor) openSessions(driverFor, resolveFrom).catch(() => {});
  const served = await nextRequest(input);
  if (!served) return 0;
  const { script, ...request } = served;
  const browser = () => openSessions(script, resolveFrom);
  const loading = load({ script: () => loadScript(script), browser, watch });
  const onBegin = () => tellBegin(writer);
  const run = new CurrentRun(script, request, { input, writer, watch, resolveFrom, onBegin });
  const code = await run.execute(loading);
  await tellEnd(writer, { code, pid: process.pid, had_browser: run.hadBrowser });
  process.once('exit', endAtOnce);
  return code;
}

/** Undefined when the input has ended. @throws RequestError */
export async function nextRequest(input: Input): Promise<ServedRequest | undefined> {
  // Late acks are for writes of a script that nobody waits for any more.
  input.listen(NOBODY);
  input.ref();
  try {
    const { script, ...request } = parseRequest(await input.requestLine());
    if (!script) throw new RequestError('script must be the absolute path of a script');
    return { script, ...request };
  } catch (error) {
    if (input.isAtEnd) return undefined;
    throw error;
  } finally {
    input.unref();
  }
}

const NOBODY: InputListener = { frame: () => {}, end: () => {} };

/** Leaves as soon as the script waits for anything, together with what it has emitted by then. */
export function tellBegin(writer: FrameWriter): void {
  writer.frame((encoder) => encoder.value({ type: 'run_begin' }));
}

export async function tellEnd(writer: FrameWriter, end: RunEnd): Promise<void> {
  try {
    writer.frame((encoder) => encoder.value({ type: 'run_end', ...end }));
    await writer.flush();
  } catch (error) {
    report(`run_end was not sent: ${toError(error).message}`);
  }
}

/**
 * The last of the listeners to `exit`, when the runtime knows already how the run has ended: Node takes itself apart in a
 * time that counts in a small run.
 */
function endAtOnce(): void {
  process.kill(process.pid, 'SIGKILL');
}
