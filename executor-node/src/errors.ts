import { inspect } from 'node:util';

/** Something that ends the run as a crash: not the script's own failure. */
export class CrashError extends Error {
  override name = 'CrashError';
  /** For `run_result`, such as `script_load_error`. */
  readonly errorType: string;

  constructor(errorType: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.errorType = errorType;
  }
}

/** Whatever was thrown, as an Error. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  if (typeof thrown === 'object' && thrown !== null && typeof (thrown as Error).message === 'string') {
    return Object.assign(new Error((thrown as Error).message), { stack: (thrown as Error).stack });
  }
  const error = new Error(text(thrown));
  error.stack = undefined;
  return error;
}

function text(thrown: unknown): string {
  try {
    const own = String(thrown);
    return own.startsWith('[object ') ? inspect(thrown, { depth: 3, breakLength: Infinity }) : own;
  } catch {
    return 'something that has no text was thrown';
  }
}
