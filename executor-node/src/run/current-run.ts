import {
  createMemory,
  Emitter,
  redactProxyEndpoint,
  type RunInfo,
  SinkFailedError,
} from '../../../sdk/src/index.ts';
import type { BrowserSession } from '../browser/session.ts';
import { CrashError, toError } from '../errors.ts';
import type { FrameWriter } from '../ipc/frame-writer.ts';
import type { Input } from '../ipc/input.ts';
import type { RunRequest } from '../ipc/request.ts';
import { report } from '../report.ts';
import { withoutMarks } from '../script/isolation.ts';
import { makeContext } from './context.ts';
import { HostNotes } from './hosts.ts';
import { type Outcome, runLifecycle } from './lifecycle.ts';
import type { Loaded, OpenSession } from './loading.ts';
import { memorySources } from './memory-sources.ts';
import { prepareRun } from './prepare.ts';
import { FrameSink } from './sink.ts';
import { FileStorage } from './storage.ts';
import type { FailureWatch } from './watch.ts';

/** What a process has for its runs. */
export interface RunTools {
  input: Input;
  writer: FrameWriter;
  watch: FailureWatch;
  resolveFrom?: string;
  /** Called when the script has all it needs and begins next; not for a run that is skipped or cannot begin. */
  onBegin?: () => void;
}

const EXIT_CODES = { completed: 0, error: 1, crash: 2 };

/** One run, from its request to its `run_result`. */
export class CurrentRun {
  private readonly script: string;
  private readonly request: RunRequest;
  private readonly tools: RunTools;
  private readonly hosts = new HostNotes();
  private readonly info: RunInfo;
  private readonly sink: FrameSink;
  private readonly emitter: Emitter;
  private readonly storage: FileStorage;
  private session: BrowserSession | undefined;
  /** Why the browser or the page is gone, when it went before the run's end. */
  private loss: string | undefined;

  /** @param script absolute path. */
  constructor(script: string, request: RunRequest, tools: RunTools) {
    const { run_id, attempt, job_id, parent_run_id, depth } = request;
    const { input, writer } = tools;
    this.script = script;
    this.request = request;
    this.tools = tools;
    this.info = Object.freeze(withoutAbsent({ run_id, attempt, job_id, parent_run_id, depth }));
    this.sink = new FrameSink(writer, this.hosts);
    this.emitter = new Emitter({ run: this.info, sink: this.sink });
    this.storage = new FileStorage({
      writer,
      partition: request.storage,
      isTerminated: () => this.emitter.ending !== undefined,
      onWaiting: (waiting) => waiting ? input.ref() : input.unref(),
    });
    input.listen(this.storage);
  }

  /** True when the run had a browser. */
  get hadBrowser(): boolean {
    return this.session !== undefined;
  }

  /** Runs to the end, `run_result` and the browser's closing included. Resolves to the exit code that says how it ended. */
  async execute(loading: Promise<Loaded>): Promise<number> {
    const outcome = await this.outcome(loading);
    await this.send({
      type: 'run_result',
      outcome,
      proxy_used: this.request.proxy && redactProxyEndpoint(this.request.proxy),
      hosts: this.hosts.list(),
    });
    // A browser that does not answer is left behind by then.
    await this.session?.close().catch((error) => report(`closing the browser: ${toError(error).message}`));
    return EXIT_CODES[outcome.status];
  }

  private async outcome(loading: Promise<Loaded>): Promise<Outcome> {
    try {
      const { script, browser } = await loading;
      const { emitter, storage, tools: { watch } } = this;
      const prepared = await prepareRun(script, this.request.job, this.info, watch);
      if (prepared.skip) return await this.skip(prepared.reason);
      this.session = browser && await this.open(browser);
      const explain = (message: string): string => this.session?.explain?.(message) ?? message;
      const lossBehind = (failure: Error | string) => this.lossBehind(failure);
      const parts = { script, emitter, storage, watch, explain, lossBehind };
      this.tools.onBegin?.();
      return await runLifecycle(parts, this.context(prepared.job));
    } catch (thrown) {
      return crash(toError(thrown));
    }
  }

  private async open(browser: () => Promise<OpenSession>): Promise<BrowserSession> {
    try {
      const open = await browser();
      return await open({
        script: this.script,
        resolveFrom: this.tools.resolveFrom,
        endpoint: this.request.browser_ws_endpoint,
        proxy: this.request.proxy,
        onDocument: (note) => this.hosts.add(note),
        onLoss: (reason) => this.lost(reason),
      });
    } catch (thrown) {
      const error = toError(thrown);
      throw new CrashError('browser_error', `no browser: ${error.message}`, error);
    }
  }

  /** A run that has said how it ended needs no browser any more. */
  private lost(reason: string): void {
    if (this.emitter.ending) return;
    this.loss = reason;
    const error = new CrashError('browser_lost', reason);
    // A script that goes on by itself can add nothing to a run that has crashed.
    this.sink.close(new SinkFailedError(error));
    this.tools.watch.fail(error);
  }

  private async lossBehind(failure: Error | string): Promise<string | undefined> {
    return this.loss ?? await this.session?.lossBehind(failure);
  }

  private context(job: Record<string, unknown>): ReturnType<typeof makeContext> {
    const memory = createMemory(memorySources(async () => await this.session?.heap() ?? null));
    const { info: run, emitter, storage, session } = this;
    return makeContext({ job, run, emit: emitter.api, storage: storage.api, memory, session });
  }

  private async skip(reason: string | undefined): Promise<Outcome> {
    await this.emitter.api.runComplete({ summary: { skipped: true, reason } });
    return { status: 'completed' };
  }

  private async send(result: object): Promise<void> {
    const { writer } = this.tools;
    try {
      writer.frame((encoder) => encoder.value(result));
      // With nothing left to close it leaves together with the process' own last word.
      if (this.session) await writer.flush();
    } catch (error) {
      report(`run_result was not sent: ${toError(error).message}`);
    }
  }
}

function crash(error: Error): Outcome {
  const cause = error.cause instanceof Error ? error.cause : error;
  report(error.message);
  const error_type = error instanceof CrashError ? error.errorType : 'executor_error';
  const stack = cause.stack && withoutMarks(cause.stack);
  return { status: 'crash', message: error.message, error_type, stack };
}

const withoutAbsent = (info: RunInfo): RunInfo =>
  Object.fromEntries(Object.entries(info).filter(([, value]) => value !== undefined)) as unknown as RunInfo;
