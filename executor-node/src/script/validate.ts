import { nearest } from '../../../sdk/src/nearest.ts';
import { toError } from '../errors.ts';
import { HOOK_NAMES, loadScript } from './load.ts';

/** What `--validate` prints. */
export type Validation =
  | { valid: true; exports: { default: true; hooks: string[] }; warnings?: string[] }
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
    const { hookNames, unknown } = await Promise.race([loadScript(path), late.promise]);
    const warnings = unknown.flatMap(warningsAbout);
    const exports = { default: true as const, hooks: hookNames };
    return { valid: true, exports, ...(warnings.length > 0 && { warnings }) };
  } catch (error) {
    return { valid: false, error: toError(error).message };
  } finally {
    clearTimeout(timer);
  }
}

/** A script may export whatever it likes, but what is nearly a hook is most likely meant to be one. */
function warningsAbout(name: string): string[] {
  if (name.startsWith('config.')) return [`${name} is not known; there is config.browser`];
  const meant = nearest(name, [...HOOK_NAMES, 'config']);
  return meant ? [`the export ${name} is never called or read; did you mean ${meant}?`] : [];
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
