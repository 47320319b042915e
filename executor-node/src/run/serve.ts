import process from 'node:process';
import type { SessionsAhead } from '../browser/ahead.ts';
import type { BrowserSession } from '../browser/session.ts';
import type { FrameWriter } from '../ipc/frame-writer.ts';
import { ScriptImports } from '../script/imports.ts';
import type { SharedIsolation } from '../script/isolation.ts';
import { BuiltIns } from './built-ins.ts';
import { CurrentRun } from './current-run.ts';
import { load, type OpenSession } from './loading.ts';
import { ProcessState } from './process-state.ts';
import { frameWriter, openSessions } from './run.ts';
import { currentScope, outsideScopes, RunScope, SessionScope, watchScopes } from './scopes.ts';
import {
  nextRequest,
  type RunEnd,
  type ServedRequest,
  type ServeOptions,
  tellBegin,
  tellEnd,
} from './serve-one.ts';
import { SpareMemory } from './spare-memory.ts';
import { FailureWatch } from './watch.ts';

interface ServeManyOptions extends ServeOptions {
  isolation: SharedIsolation;
}

interface ScopedSession extends BrowserSession {
  scope: SessionScope;
}

/** Serves runs, one after the other, until the input ends. Resolves to the process' exit code. @throws RequestError */
export async function serve(options: ServeManyOptions): Promise<number> {
  return await new ServingExecutor(options).serve();
}

class ServingExecutor {
  private readonly options: ServeManyOptions;
  private readonly writer: FrameWriter;
  private readonly watch = new FailureWatch(currentScope);
  private readonly imports: ScriptImports;
  private readonly builtIns: BuiltIns | undefined;
  private ahead: SessionsAhead<ScopedSession> | undefined;
  private readonly memory = new SpareMemory();

  constructor(options: ServeManyOptions) {
    this.options = options;
    this.writer = frameWriter(options.frames);
    this.imports = new ScriptImports(options.isolation);
    this.builtIns = options.isolation === 'module' ? new BuiltIns() : undefined;
  }

  async serve(): Promise<number> {
    const { driverFor, input } = this.options;
    // The run that needs a driver says why there is none.
    if (driverFor) this.sessions(driverFor).catch(() => {});
    watchScopes();
    for (;;) {
      const request = await nextRequest(input);
      if (!request) return 0;
      await tellEnd(this.writer, await this.executeInScope(request));
      this.memory.noteRun();
    }
  }

  private execute({ script, ...request }: ServedRequest): { run: CurrentRun; code: Promise<number> } {
    const { options: { input, resolveFrom }, writer, watch } = this;
    const onBegin = () => tellBegin(writer);
    const run = new CurrentRun(script, request, { input, writer, watch, resolveFrom, onBegin });
    const loading = load({
      script: () => this.imports.load(script),
      browser: () => this.sessions(script),
      watch,
    });
    // Its connection would keep a script waiting that waits for nothing.
    loading.then(({ browser }) => browser || outsideScopes(() => this.ahead?.drop()), () => {});
    return { run, code: run.execute(loading) };
  }

  private async executeInScope(request: ServedRequest): Promise<RunEnd> {
    const state = new ProcessState();
    const scope = new RunScope(request.run_id);
    const { run, code } = scope.enter(() => this.execute(request));
    const end: RunEnd = { code: await code, pid: process.pid, had_browser: run.hadBrowser };
    await turn();
    const changed = this.builtIns?.change();
    // With another function of the language nothing else is looked for: that, too, might fail.
    if (this.options.isolation === 'module' && !changed) await settled(scope);
    scope.isOver = true;
    process.exitCode = undefined;
    const left = (changed && `another ${changed}`) ?? this.watch.takeStray() ??
      (this.options.isolation === 'module' ? scope.leftBehind() ?? state.change() : undefined);
    return left ? { ...end, left_behind: left } : end;
  }

  /** Sessions are opened and closed outside of the runs, as what they keep open is none of a script's. */
  private async sessions(script: string): Promise<OpenSession> {
    const open = await outsideScopes(() => openSessions(script, this.options.resolveFrom));
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
