import { toError } from '../errors.ts';
import { loadScript } from './load.ts';

/** What `--validate` prints. */
export type Validation =
  | { valid: true; exports: { default: true; hooks: string[] } }
  | { valid: false; error: string };

/** Below the time after which the runtime gives an executor up. */
const LONGEST_LOADING_MS = 20_000;

/** Never rejects. The process may end before it resolves: then `endedWhileLoading` is the answer. */
export async function validateScript(path: string, timeout = LONGEST_LOADING_MS): Promise<Validation> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`${path} was not loaded within ${timeout / 1000}s: ${ENDLESS}`)),
    timeout,
  ).unref();
  try {
    const { hookNames } = await Promise.race([loadScript(path), late.promise]);
    return { valid: true, exports: { default: true, hooks: hookNames } };
  } catch (error) {
    return { valid: false, error: toError(error).message };
  } finally {
    clearTimeout(timer);
  }
}

/** Node's exit code when nothing is left that could settle a top-level await. */
const UNSETTLED_AWAIT = 13;

const ENDLESS = 'a top-level await never settles';

/** @param code with which the process ends. */
export function endedWhileLoading(path: string, code: number): Validation {
  const why = code === UNSETTLED_AWAIT
    ? ENDLESS
    : `it ends the process (exit code ${code}) while it is loaded; a script must not call process.exit`;
  return { valid: false, error: `${path}: ${why}` };
}
