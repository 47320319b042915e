import type { DriverBrowser, DriverBrowserContext, DriverPage } from './driver.ts';
import type {
  ArtifactInput,
  CheckpointPayload,
  EnqueuePayload,
  Fields,
  HostReport,
  ItemPayload,
  LogPayload,
  RotateProxyPayload,
  RunCompletePayload,
  RunErrorPayload,
} from './events.ts';
import type { MemoryAPI } from './memory.ts';
import type { StorageAPI } from './storage.ts';

/** Who this run is. */
export interface RunInfo {
  readonly run_id: string;
  /** From 1. */
  readonly attempt: number;
  readonly job_id?: string;
  /** The run that this one retries, or the run that asked for it when `depth` is given. */
  readonly parent_run_id?: string;
  /** Distance from the root of a fan-out; a root run has none. */
  readonly depth?: number;
}

/**
 * What the script says. Calls keep their order, awaited or not. Each promise resolves when the runtime has room for
 * more, and rejects with `PayloadError`, `TerminalEventError` or `SinkFailedError`.
 */
export interface EmitAPI {
  /** `emit.item<Product>({…})` checks the data against a type of yours. */
  item<Data extends Fields = Fields>(payload: ItemPayload<Data>): Promise<void>;
  /** Resolves to the artifact's id. */
  artifact(input: ArtifactInput): Promise<string>;
  checkpoint(payload: CheckpointPayload): Promise<void>;
  /** `emit.enqueue<Job>({…})` checks the params against the job type of the target. */
  enqueue<Params extends Fields = Fields>(payload: EnqueuePayload<Params>): Promise<void>;
  rotateProxy(payload?: RotateProxyPayload): Promise<void>;
  log(payload: LogPayload): Promise<void>;
  debug(message: string, fields?: Fields): Promise<void>;
  info(message: string, fields?: Fields): Promise<void>;
  warn(message: string, fields?: Fields): Promise<void>;
  error(message: string, fields?: Fields): Promise<void>;
  /** Ends the run as failed. */
  runError(payload: RunErrorPayload): Promise<void>;
  /** Ends the run as completed; a script that returns need not call it. */
  runComplete(payload?: RunCompletePayload): Promise<void>;
  /** Adds to what the executor itself notes about the hosts it visits. */
  hostReport(report: HostReport): Promise<void>;
}

/**
 * What a script gets. The browser's objects have the types of the Puppeteer that is installed; others can be given, as
 * in `QuarryContext<Job, import('playwright').Page>`.
 */
export interface QuarryContext<
  Job = any,
  Page = DriverPage,
  Browser = DriverBrowser,
  BrowserContext = DriverBrowserContext,
> {
  readonly job: Job;
  readonly run: RunInfo;
  readonly page: Page;
  readonly browser: Browser;
  readonly browserContext: BrowserContext;
  readonly emit: EmitAPI;
  readonly storage: StorageAPI;
  readonly memory: MemoryAPI;
}

export type Script<Job = any> = (
  ctx: QuarryContext<Job>,
) => Promise<void> | void;

/** What `prepare` answers: go on, perhaps with another job, or end the run without doing anything. */
export type PrepareResult<Job = any> =
  | { action: 'continue'; job?: Job }
  | { action: 'skip'; reason?: string };

/** How the run is about to end. */
export type TerminalSignal = { outcome: 'completed' } | {
  outcome: 'error';
  error: Error;
};

/** Named exports of a script that the executor calls. */
export interface Hooks<Job = any> {
  /** Before any browser. A throw is a crash. */
  prepare?(
    job: Job,
    run: RunInfo,
  ): PrepareResult<Job> | Promise<PrepareResult<Job>>;
  /** Before the script. A throw is the script's. */
  beforeRun?(ctx: QuarryContext<Job>): void | Promise<void>;
  /** After a script that returned. A throw is the script's. */
  afterRun?(ctx: QuarryContext<Job>): void | Promise<void>;
  /** After a script that threw; its own throw is only reported. */
  onError?(error: Error, ctx: QuarryContext<Job>): void | Promise<void>;
  /** Last chance to emit; its own throw is only reported. */
  beforeTerminal?(
    signal: TerminalSignal,
    ctx: QuarryContext<Job>,
  ): void | Promise<void>;
  /** After the terminal event; its own throw is only reported. */
  cleanup?(ctx: QuarryContext<Job>): void | Promise<void>;
}

/** The named export `config` of a script. */
export interface ScriptConfig {
  /** `false`: no browser is started, and `ctx.page` throws. Default `true`. */
  browser?: boolean;
}
