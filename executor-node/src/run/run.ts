import {
  createMemory,
  Emitter,
  redactProxyEndpoint,
  type RunInfo,
  SinkFailedError,
} from '../../../sdk/src/index.ts';
import type { BrowserSession } from '../browser/session.ts';
import { CrashError, toError } from '../errors.ts';
import { openChannel } from '../ipc/channel.ts';
import { FrameWriter } from '../ipc/frame-writer.ts';
import type { Input } from '../ipc/input.ts';
import { parseRequest, type RunRequest } from '../ipc/request.ts';
import { report } from '../report.ts';
import { type LoadedScript, loadScript } from '../script/load.ts';
import { makeContext } from './context.ts';
import { HostNotes } from './hosts.ts';
import { type Outcome, runLifecycle } from './lifecycle.ts';
import { memorySources } from './memory-sources.ts';
import { prepareRun } from './prepare.ts';
import { FrameSink } from './sink.ts';
import { FileStorage } from './storage.ts';
import { FailureWatch } from './watch.ts';

export interface RunOptions {
  /** Absolute path of the script. */
  script: string;
  resolveFrom?: string;
  /** File descriptor for the frames. */
  frames: number;
  input: Input;
}

const EXIT_CODES = { completed: 0, error: 1, crash: 2 };

/** Runs one script from the request line to the last frame. Resolves to the process' exit code. @throws RequestError */
export async function run(options: RunOptions): Promise<number> {
  const watch = new FailureWatch();
  // A runtime may start the executor before it has work for it: loading needs no request.
  const loading = loadAhead(options, watch);
  const request = parseRequest(await options.input.requestLine());
  options.input.unref();
  const writer = new FrameWriter(openChannel(options.frames), (cause) => new SinkFailedError(cause));
  const current = new CurrentRun(options, request, writer, watch);
  const outcome = await current.execute(loading);
  await finish(writer, {
    type: 'run_result',
    outcome,
    proxy_used: request.proxy && redactProxyEndpoint(request.proxy),
    hosts: current.hosts.list(),
  });
  await current.close();
  return EXIT_CODES[outcome.status];
}

interface Loaded {
  script: LoadedScript;
  /** The browser's code, already imported; undefined for a script that wants none. */
  browser: (() => Promise<typeof import('../browser/session.ts')>) | undefined;
}

function loadAhead({ script: path, resolveFrom }: RunOptions, watch: FailureWatch): Promise<Loaded> {
  const loading = watch.guard(async () => {
    const script = await loadScript(path);
    if (script.config.browser === false) return { script, browser: undefined };
    const browser = async () => {
      const module = await import('../browser/session.ts');
      await module.loadDriver(path, resolveFrom);
      return module;
    };
    // A script that may skip the run shall not wait for a driver that it does not need.
    if (!script.hooks.prepare) browser().catch(() => {});
    return { script, browser };
  });
  loading.catch(() => {});
  return loading;
}

async function finish(writer: FrameWriter, result: object): Promise<void> {
  try {
    writer.frame((encoder) => encoder.value(result));
    await writer.flush();
  } catch (error) {
    report(`run_result was not sent: ${toError(error).message}`);
  }
}

/** What belongs to one run. */
class CurrentRun {
  readonly hosts = new HostNotes();
  private readonly options: RunOptions;
  private readonly request: RunRequest;
  private readonly watch: FailureWatch;
  private readonly info: RunInfo;
  private readonly emitter: Emitter;
  private readonly storage: FileStorage;
  private session: BrowserSession | undefined;

  constructor(options: RunOptions, request: RunRequest, writer: FrameWriter, watch: FailureWatch) {
    const { run_id, attempt, job_id, parent_run_id, depth } = request;
    this.options = options;
    this.request = request;
    this.watch = watch;
    this.info = Object.freeze(withoutAbsent({ run_id, attempt, job_id, parent_run_id, depth }));
    this.emitter = new Emitter({ run: this.info, sink: new FrameSink(writer, this.hosts) });
    this.storage = new FileStorage({
      writer,
      partition: request.storage,
      isTerminated: () => this.emitter.ending !== undefined,
      onWaiting: (waiting) => waiting ? options.input.ref() : options.input.unref(),
    });
    options.input.listen(this.storage);
  }

  async execute(loading: Promise<Loaded>): Promise<Outcome> {
    try {
      const { script, browser } = await loading;
      const prepared = await prepareRun(script, this.request.job, this.info, this.watch);
      if (prepared.skip) return await this.skip(prepared.reason);
      this.session = browser && await this.open(browser);
      const { emitter, storage, watch } = this;
      const explain = (message: string): string => this.session?.explain?.(message) ?? message;
      return await runLifecycle({ script, emitter, storage, watch, explain }, this.context(prepared.job));
    } catch (thrown) {
      return crash(toError(thrown));
    }
  }

  /** Ends what the run opened; a browser that does not answer is left behind by then. */
  async close(): Promise<void> {
    await this.session?.close().catch((error) => report(`closing the browser: ${toError(error).message}`));
  }

  private async open(browser: NonNullable<Loaded['browser']>): Promise<BrowserSession> {
    const { resolveFrom, script } = this.options;
    try {
      const { openSession } = await browser();
      return await openSession({
        script,
        resolveFrom,
        endpoint: this.request.browser_ws_endpoint,
        proxy: this.request.proxy,
        onDocument: (note) => this.hosts.add(note),
      });
    } catch (thrown) {
      const error = toError(thrown);
      throw new CrashError('browser_error', `no browser: ${error.message}`, error);
    }
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
}

function crash(error: Error): Outcome {
  const cause = error.cause instanceof Error ? error.cause : error;
  report(error.message);
  const error_type = error instanceof CrashError ? error.errorType : 'executor_error';
  return { status: 'crash', message: error.message, error_type, stack: cause.stack };
}

const withoutAbsent = (info: RunInfo): RunInfo =>
  Object.fromEntries(Object.entries(info).filter(([, value]) => value !== undefined)) as unknown as RunInfo;
