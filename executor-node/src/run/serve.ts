import process from 'node:process';
import type { SessionsAhead } from '../browser/ahead.ts';
import type { BrowserSession } from '../browser/session.ts';
import { toError } from '../errors.ts';
import type { FrameWriter } from '../ipc/frame-writer.ts';
import type { Input, InputListener } from '../ipc/input.ts';
import { parseRequest, RequestError, type RunRequest } from '../ipc/request.ts';
import { report } from '../report.ts';
import { ScriptImports } from '../script/imports.ts';
import type { Isolation } from '../script/isolation.ts';
import { CurrentRun } from './current-run.ts';
import { load, type OpenSession } from './loading.ts';
import { ProcessState } from './process-state.ts';
import { frameWriter, openSessions } from './run.ts';
import { currentScope, outsideScopes, RunScope, SessionScope, watchScopes } from './scopes.ts';
import { SpareMemory } from './spare-memory.ts';
import { FailureWatch } from './watch.ts';

export interface ServeOptions {
  isolation: Isolation;
  resolveFrom?: string;
  /** Absolute path of a script whose browser driver is loaded ahead. */
  driverFor?: string;
  /** File descriptor for the frames. */
  frames: number;
  input: Input;
}

type ServedRequest = RunRequest & { script: string };

/** What a run's process says of the run when it is ready for the next one. */
interface RunEnd {
  /** As the exit code of a process that ran nothing else. */
  code: number;
  pid: number;
  had_browser: boolean;
  /** What the run left in the process, in words: then the next run should have another process. */
  left_behind?: string;
}

interface ScopedSession extends BrowserSession {
  scope: SessionScope;
}

const NOBODY: InputListener = { frame: () => {}, end: () => {} };

/**
 * Serves runs, one after the other, until the input ends; with isolation `process` a single one, as if it had been
 * started for it. Resolves to the process' exit code. @throws RequestError
 */
export async function serve(options: ServeOptions): Promise<number> {
  return await new ServingExecutor(options).serve();
}

class ServingExecutor {
  private readonly options: ServeOptions;
  private readonly writer: FrameWriter;
  private readonly watch = new FailureWatch(currentScope);
  private readonly imports: ScriptImports;
  private ahead: SessionsAhead<ScopedSession> | undefined;
  private readonly memory = new SpareMemory();

  constructor(options: ServeOptions) {
    this.options = options;
    this.writer = frameWriter(options.frames);
    this.imports = new ScriptImports(options.isolation);
  }

  async serve(): Promise<number> {
    const { driverFor, isolation } = this.options;
    // The run that needs a driver says why there is none.
    if (driverFor) this.sessions(driverFor).catch(() => {});
    if (isolation !== 'process') watchScopes();
    for (;;) {
      const request = await this.nextRequest();
      if (!request) return 0;
      const end = await (isolation === 'process' ? this.executeAlone(request) : this.executeInScope(request));
      await this.tell(end);
      if (isolation === 'process') return end.code;
      this.memory.noteRun();
    }
  }

  /** Undefined when the input has ended. */
  private async nextRequest(): Promise<ServedRequest | undefined> {
    const { input } = this.options;
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

  private execute({ script, ...request }: ServedRequest): { run: CurrentRun; code: Promise<number> } {
    const { options: { input, resolveFrom }, writer, watch } = this;
    const run = new CurrentRun(script, request, { input, writer, watch, resolveFrom });
    const loading = load({
      script: () => this.imports.load(script),
      browser: () => this.sessions(script),
      watch,
    });
    // Its connection would keep a script waiting that waits for nothing.
    loading.then(({ browser }) => browser || outsideScopes(() => this.ahead?.drop()), () => {});
    return { run, code: run.execute(loading) };
  }

  private async executeAlone(request: ServedRequest): Promise<RunEnd> {
    const { run, code } = this.execute(request);
    return { code: await code, pid: process.pid, had_browser: run.hadBrowser };
  }

  private async executeInScope(request: ServedRequest): Promise<RunEnd> {
    const state = new ProcessState();
    const scope = new RunScope(request.run_id);
    const { run, code } = scope.enter(() => this.execute(request));
    const end: RunEnd = { code: await code, pid: process.pid, had_browser: run.hadBrowser };
    await turn();
    if (this.options.isolation === 'module') await settled(scope);
    scope.isOver = true;
    process.exitCode = undefined;
    const left = this.watch.takeStray() ??
      (this.options.isolation === 'module' ? scope.leftBehind() ?? state.change() : undefined);
    return left ? { ...end, left_behind: left } : end;
  }

  /** Sessions are opened and closed outside of the runs, as what they keep open is none of a script's. */
  private async sessions(script: string): Promise<OpenSession> {
    const open = await outsideScopes(() => openSessions(script, this.options.resolveFrom));
    if (this.options.isolation === 'process') return open;
    const { SessionsAhead } = await import('../browser/ahead.ts');
    const ahead = this.ahead ??= new SessionsAhead(async (options) => {
      const scope = new SessionScope();
      return { ...await scope.enter(() => open(options)), scope };
    });
    return async (options) => {
      const session = await outsideScopes(() => ahead.open(options));
      session.scope.run = currentScope();
      return { ...session, close: () => outsideScopes(() => session.close()) };
    };
  }

  private async tell(end: RunEnd): Promise<void> {
    try {
      this.writer.frame((encoder) => encoder.value({ type: 'run_end', ...end }));
      await this.writer.flush();
    } catch (error) {
      report(`run_end was not sent: ${toError(error).message}`);
    }
  }
}

/** How often, and how long, ms, to look again whether what a run has closed is gone. */
const LOOKS = 20;
const LOOK_MS = 5;

/** Waits for what is about to end: closing takes some turns of the event loop, or an answer from elsewhere. */
async function settled(scope: RunScope): Promise<void> {
  await turn();
  for (let look = 0; look < LOOKS && scope.leftBehind(); look++) {
    await new Promise((resume) => setTimeout(resume, LOOK_MS));
  }
}

const turn = (): Promise<void> => new Promise((resume) => setImmediate(resume));
