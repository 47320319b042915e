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

/** Whatever was thrown, as an Error whose message and stack are texts that can be read. */
export function toError(thrown: unknown): Error {
  try {
    const message = messageOf(thrown);
    if (message !== undefined) {
      const { stack } = thrown as Error;
      const isText = typeof stack === 'string' || stack === undefined;
      if (thrown instanceof Error && isText) return thrown;
      return Object.assign(new Error(message), { stack: isText ? stack : undefined });
    }
  } catch {
    // A getter of the script's own, which throws.
  }
  const error = new Error(text(thrown));
  error.stack = undefined;
  return error;
}

function messageOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  const { message } = thrown as Error;
  return typeof message === 'string' ? message : undefined;
}

function text(thrown: unknown): string {
  try {
    const own = String(thrown);
    return own.startsWith('[object ') ? inspect(thrown, { depth: 3, breakLength: Infinity }) : own;
  } catch {
    return 'something that has no text was thrown';
  }
}
