/**
 * An object of named values: a literal, or a value of an interface or class of yours; a list is none. See the SDK's guide
 * for what each value becomes in storage.
 */
export type Fields = Record<string, unknown> | (object & { readonly [Symbol.iterator]?: never });

export type EventType =
  | 'item'
  | 'artifact'
  | 'checkpoint'
  | 'enqueue'
  | 'rotate_proxy'
  | 'log'
  | 'run_error'
  | 'run_complete';

export type TerminalType = 'run_error' | 'run_complete';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** One structured result. */
export interface ItemPayload<Data extends Fields = Fields> {
  item_type: string;
  data: Data;
}

/** Bytes to keep, such as a screenshot; text is stored as UTF-8. */
export interface ArtifactInput {
  name: string;
  content_type: string;
  data: Uint8Array | ArrayBuffer | string;
}

export interface CheckpointPayload {
  checkpoint_id: string;
  note?: string;
}

/** How a fleet should treat derived work. */
export interface EnqueueOptions {
  lane?: 'high' | 'default' | 'low';
  /** Not before so many milliseconds from now: 0 to 365 days. */
  delay_ms?: number;
  /** Most milliseconds that one run of it may take: 1 to 365 days. */
  timeout_ms?: number;
  /** What makes the work the same work; without it, target and params do. */
  dedup_key?: string;
  /** The host it will visit; without it, the one of `params.url` or `params.host`. */
  host?: string;
}

/** Work for another run: a script and its job. */
export interface EnqueuePayload<Params extends Fields = Fields> {
  /** A script, relative to the directory of the one that emits. */
  target: string;
  /** The job of that run. */
  params: Params;
  /** Where the child's records go; no part of the work's identity. */
  source?: string;
  category?: string;
  options?: EnqueueOptions;
}

export interface RotateProxyPayload {
  reason?: string;
}

export interface LogPayload {
  level: LogLevel;
  message: string;
  fields?: Fields;
}

export interface RunErrorPayload {
  /** `blocked` tells a fleet that the host refused, not the script. */
  error_type: string;
  message: string;
  stack?: string;
}

export interface RunCompletePayload {
  summary?: Fields;
}

/** What a host said about how it wants to be visited. */
export interface HostReport {
  host: string;
  /** HTTP status. */
  status?: number;
  retry_after_ms?: number;
  crawl_delay_ms?: number;
}

/** One event as it leaves the executor. */
export interface EventEnvelope {
  contract_version: string;
  event_id: string;
  run_id: string;
  /** 1, 2, 3 … within the run. */
  seq: number;
  type: EventType;
  /** ISO 8601, UTC. */
  ts: string;
  payload: object;
  attempt: number;
  job_id?: string;
  parent_run_id?: string;
  depth?: number;
}
