import { PayloadError } from './errors.ts';
import type { ArtifactInput, EnqueueOptions, HostReport, LogPayload } from './events.ts';
import { nearest } from './nearest.ts';

const LEVELS = new Set(['debug', 'info', 'warn', 'error']);
const LANES = new Set(['high', 'default', 'low']);
const OPTIONS = ['lane', 'delay_ms', 'timeout_ms', 'dedup_key', 'host'];
/** The longest delay and timeout of derived work: 365 days. */
const LONGEST_MS = 31_536_000_000;

/** Checks the shape of what `emit` calls take; `what` is the call, for the message. */
export const check = {
  item: (payload: object): object => {
    text('item', payload, 'item_type');
    map('item', payload, 'data');
    return payload;
  },
  artifact: (input: object): ArtifactInput => {
    text('artifact', input, 'name');
    text('artifact', input, 'content_type');
    return input as ArtifactInput;
  },
  checkpoint: (payload: object): object => {
    text('checkpoint', payload, 'checkpoint_id');
    optionalText('checkpoint', payload, 'note');
    return payload;
  },
  enqueue: (payload: object): object => {
    text('enqueue', payload, 'target');
    map('enqueue', payload, 'params');
    optionalText('enqueue', payload, 'source');
    optionalText('enqueue', payload, 'category');
    if (member(payload, 'options') === undefined) return payload;
    const given = map('enqueue', payload, 'options');
    const checked = options(given);
    return checked === given ? payload : { ...payload, options: checked };
  },
  rotateProxy: (payload: object): object => {
    optionalText('rotateProxy', payload, 'reason');
    return payload;
  },
  /** `what` is also the level's own call. */
  log: (payload: object, what = 'log'): object => {
    const { level } = payload as LogPayload;
    if (!LEVELS.has(level)) {
      throw new PayloadError(
        `emit.log: level must be debug, info, warn or error, not ${shown(level)}`,
      );
    }
    if (typeof member(payload, 'message') !== 'string') {
      wrong(what, 'message', 'a string', member(payload, 'message'));
    }
    if (member(payload, 'fields') !== undefined) map(what, payload, 'fields');
    return payload;
  },
  runError: (payload: object): object => {
    text('runError', payload, 'error_type');
    if (typeof member(payload, 'message') !== 'string') {
      wrong('runError', 'message', 'a string', member(payload, 'message'));
    }
    optionalText('runError', payload, 'stack');
    return payload;
  },
  runComplete: (payload: object): object => {
    if (member(payload, 'summary') !== undefined) {
      map('runComplete', payload, 'summary');
    }
    return payload;
  },
  hostReport: (report: object): HostReport => {
    text('hostReport', report, 'host');
    for (const name of ['status', 'retry_after_ms', 'crawl_delay_ms']) {
      count('hostReport', report, name);
    }
    return report as HostReport;
  },
};

/** The one argument of an `emit` call. */
export function argument(what: string, value: unknown): object {
  if (!isMap(value)) {
    throw new PayloadError(
      `emit.${what} takes one object, not ${shown(value)}`,
    );
  }
  return value;
}

/** The options with whole milliseconds. Others are carried, for whoever reads the event; what looks like a slip is not. */
function options(given: EnqueueOptions): EnqueueOptions {
  for (const name of Object.keys(given)) {
    const meant = OPTIONS.includes(name) ? undefined : nearest(name, OPTIONS);
    if (meant) throw new PayloadError(`emit.enqueue: there is no options.${name}; did you mean ${meant}?`);
  }
  if (given.lane !== undefined && !LANES.has(given.lane)) {
    throw new PayloadError(
      `emit.enqueue: options.lane must be high, default or low, not ${shown(given.lane)}`,
    );
  }
  optionalText('enqueue', given, 'dedup_key', 'options.');
  optionalText('enqueue', given, 'host', 'options.');
  const delay_ms = milliseconds('delay_ms', given.delay_ms, 0);
  const timeout_ms = milliseconds('timeout_ms', given.timeout_ms, 1);
  const isWhole = delay_ms === given.delay_ms && timeout_ms === given.timeout_ms;
  return isWhole ? given : { ...given, delay_ms, timeout_ms };
}

/** A fraction is rounded, then the range holds. */
function milliseconds(name: string, value: unknown, least: number): number | undefined {
  if (value === undefined) return undefined;
  const whole = typeof value === 'number' ? Math.round(value) : NaN;
  if (!(whole >= least && whole <= LONGEST_MS)) {
    wrong('enqueue', `options.${name}`, `a number of milliseconds from ${least} to ${LONGEST_MS}`, value);
  }
  // No negative zero: it would be sent as a float.
  return whole + 0;
}

function text(what: string, payload: object, name: string): void {
  const value = member(payload, name);
  if (typeof value !== 'string' || value === '') {
    wrong(what, name, 'a string that is not empty', value);
  }
}

function optionalText(
  what: string,
  payload: object,
  name: string,
  prefix = '',
): void {
  const value = member(payload, name);
  if (value !== undefined && typeof value !== 'string') {
    wrong(what, prefix + name, 'a string', value);
  }
}

function map(what: string, payload: object, name: string): object {
  const value = member(payload, name);
  if (!isMap(value)) wrong(what, name, 'an object', value);
  return value as object;
}

function count(what: string, payload: object, name: string): void {
  const value = member(payload, name);
  if (value === undefined) return;
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    wrong(what, name, 'a whole number from 0', value);
  }
}

const member = (payload: object, name: string): unknown => (payload as Record<string, unknown>)[name];

/** True for what is stored as an object; a `Date` or a `Set`, for example, is not. */
function isMap(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return isPlainMap(toJSON.call(value));
  return isPlainMap(value);
}

const isPlainMap = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) &&
  !ArrayBuffer.isView(value) && !(value instanceof ArrayBuffer) && !(value instanceof Set) &&
  !(value instanceof String || value instanceof Number || value instanceof Boolean);

function wrong(
  what: string,
  name: string,
  expected: string,
  value: unknown,
): never {
  throw new PayloadError(
    `emit.${what}: ${name} must be ${expected}, not ${shown(value)}`,
  );
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') {
    return value === '' ? 'an empty string' : JSON.stringify(value.slice(0, 60));
  }
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object' && typeof value !== 'function') return String(value);
  const name = value.constructor?.name || 'object';
  return `${/^[AEIO]/i.test(name) ? 'an' : 'a'} ${name}`;
}
