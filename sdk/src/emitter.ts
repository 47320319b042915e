import type { EmitAPI, RunInfo } from './context.ts';
import { PayloadError, TerminalEventError } from './errors.ts';
import type {
  ArtifactInput,
  EventEnvelope,
  EventType,
  Fields,
  HostReport,
  LogLevel,
  RunCompletePayload,
  RunErrorPayload,
} from './events.ts';
import { argument, check } from './payloads.ts';
import { VERSION } from './version.ts';

/** Bytes of one artifact: 1 GiB. */
export const ARTIFACT_LIMIT = 1_073_741_824;

/** Where events go: the executor's pipe. Each call takes its bytes before it returns, so the order of calls holds. */
export interface EmitSink {
  /** Why nothing can be sent any more, once that is so. */
  readonly failure: Error | undefined;
  /** Resolves when there is room for more. @throws PayloadError when it cannot be encoded: then nothing was taken. */
  event(envelope: EventEnvelope): Promise<void>;
  /** Sends the bytes of an artifact, before its commit event. */
  artifact(artifactID: string, data: Uint8Array): void;
  hostReport(report: HostReport): void;
}

/** A run's terminal event. */
export type Ending =
  | { type: 'run_error'; payload: RunErrorPayload }
  | { type: 'run_complete'; payload: RunCompletePayload };

export interface EmitterOptions {
  run: RunInfo;
  sink: EmitSink;
  uuid?: () => string;
  now?: () => Date;
}

/** Numbers a run's events, holds the rules of its terminal event, and hands everything to the sink in call order. */
export class Emitter {
  readonly api: EmitAPI;
  private readonly run: RunInfo;
  private readonly sink: EmitSink;
  private readonly uuid: () => string;
  private readonly now: () => Date;
  private seq = 0;
  private end: Ending | undefined;

  constructor(options: EmitterOptions) {
    this.run = options.run;
    this.sink = options.sink;
    this.uuid = options.uuid ?? (() => crypto.randomUUID());
    this.now = options.now ?? (() => new Date());
    this.api = this.makeAPI();
  }

  /** The terminal event that was emitted, if one was. */
  get ending(): Ending | undefined {
    return this.end;
  }

  /** Why nothing can be emitted any more although the run has not ended. */
  get failure(): Error | undefined {
    return this.sink.failure;
  }

  private makeAPI(): EmitAPI {
    // Scripts in JavaScript hand over what they caught, as they would to the console.
    const text = (payload: object): object => {
      const { message } = payload as { message?: unknown };
      return message instanceof Error ? { ...payload, message: String(message) } : payload;
    };
    const note = (level: LogLevel) => (message: string, fields?: Fields) =>
      this.send('log', () => check.log(text({ level, message, fields }), level));
    const one = (type: EventType, what: keyof typeof check) => (payload: object = {}) =>
      this.send(type, () => check[what](argument(what, payload)));
    return {
      item: one('item', 'item'),
      artifact: (input) => this.artifact(input),
      checkpoint: one('checkpoint', 'checkpoint'),
      enqueue: one('enqueue', 'enqueue'),
      rotateProxy: one('rotate_proxy', 'rotateProxy'),
      log: (payload) => this.send('log', () => check.log(text(argument('log', payload)))),
      debug: note('debug'),
      info: note('info'),
      warn: note('warn'),
      error: note('error'),
      runError: one('run_error', 'runError'),
      runComplete: one('run_complete', 'runComplete'),
      hostReport: (report) => this.hostReport(report),
    };
  }

  private send(type: EventType, payload: () => object): Promise<void> {
    try {
      this.guard(type);
      const content = payload();
      const sent = this.sink.event(this.envelope(type, content));
      this.seq++;
      if (type === 'run_error' || type === 'run_complete') this.end = { type, payload: content } as Ending;
      return sent;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  private async artifact(input: ArtifactInput): Promise<string> {
    this.guard('artifact');
    const { name, content_type, data: given } = check.artifact(
      argument('artifact', input),
    );
    const data = artifactBytes(given);
    const artifact_id = this.uuid();
    this.sink.artifact(artifact_id, data);
    await this.send(
      'artifact',
      () => ({ artifact_id, name, content_type, size_bytes: data.length }),
    );
    return artifact_id;
  }

  // deno-lint-ignore require-await
  private async hostReport(report: HostReport): Promise<void> {
    this.guard('hostReport');
    this.sink.hostReport(check.hostReport(argument('hostReport', report)));
  }

  private guard(type: string): void {
    if (this.end) throw new TerminalEventError(type, this.end.type);
    if (this.sink.failure) throw this.sink.failure;
  }

  private envelope(type: EventType, payload: object): EventEnvelope {
    const { run_id, attempt, job_id, parent_run_id, depth } = this.run;
    // The payload is last, so that whoever reads the envelope need not look for the payload's end.
    return {
      contract_version: VERSION,
      event_id: this.uuid(),
      run_id,
      seq: this.seq + 1,
      type,
      ts: this.now().toISOString(),
      attempt,
      job_id,
      parent_run_id,
      depth,
      payload,
    };
  }
}

/** @throws PayloadError before anything is sent: a runtime that gets more ends the run. */
function artifactBytes(data: unknown): Uint8Array {
  const bytes = plainBytes(data);
  if (bytes.length > ARTIFACT_LIMIT) {
    throw new PayloadError(
      `emit.artifact: data takes ${bytes.length} bytes, and an artifact holds at most ${ARTIFACT_LIMIT}`,
    );
  }
  return bytes;
}

function plainBytes(data: unknown): Uint8Array {
  if (typeof data === 'string') return new TextEncoder().encode(data);
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new PayloadError(
    'emit.artifact: data must be a Uint8Array, an ArrayBuffer or a string',
  );
}
