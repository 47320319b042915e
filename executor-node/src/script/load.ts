import { statSync } from 'node:fs';
import { relative } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import type { Hooks, Script, ScriptConfig } from '../../../sdk/src/index.ts';
import { CrashError, toError } from '../errors.ts';

export const HOOK_NAMES = [
  'prepare',
  'beforeRun',
  'afterRun',
  'onError',
  'beforeTerminal',
  'cleanup',
] as const;

export interface LoadedScript {
  run: Script;
  hooks: Hooks;
  /** The names of the hooks that the script exports. */
  hookNames: string[];
  config: ScriptConfig;
  /** What the executor does not know: other exports, such as `helper`, and members of config, such as `config.brower`. */
  unknown: string[];
}

/**
 * Imports a script and checks its exports.
 * @param url of the module, when it is not the file's own.
 * @throws CrashError that names the file, and the line where there is one.
 */
export async function loadScript(path: string, url = pathToFileURL(path).href): Promise<LoadedScript> {
  requireFile(path);
  return checkedExports(path, await importScript(path, url));
}

function requireFile(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw loadError(`there is no script at ${path}`);
  if (!found.isFile()) throw loadError(`${path} is not a file`);
}

async function importScript(path: string, url: string): Promise<Record<string, unknown>> {
  try {
    return await import(url);
  } catch (thrown) {
    const error = toError(thrown);
    // Only a script that fails needs these, and every start would load them.
    const [{ errorLocation }, { loadHint }] = await Promise.all([
      import('./location.ts'),
      import('./hints.ts'),
    ]);
    const location = errorLocation(error, pathToFileURL(path).href);
    const hint = location?.includes('/node_modules/') ? '' : loadHint(error);
    throw loadError(`${location ?? path}: ${error.name}: ${error.message}${hint}`, error);
  }
}

function checkedExports(path: string, exports: Record<string, unknown>): LoadedScript {
  const at = relative(process.cwd(), path) || path;
  const run = exports.default;
  if (isCommonJS(exports)) {
    throw loadError(`${at} is CommonJS; a script is an ES module: write 'export default async (ctx) => …'`);
  }
  if (run === undefined || isEmpty(exports)) {
    throw loadError(`${at} has no default export; a script is 'export default async (ctx) => …'`);
  }
  if (typeof run !== 'function') throw loadError(`${at}: the default export is ${kind(run)}, not a function`);
  const hookNames = HOOK_NAMES.filter((name) => exports[name] !== undefined);
  for (const name of hookNames) {
    if (typeof exports[name] !== 'function') {
      throw loadError(`${at}: hook ${name} is ${kind(exports[name])}, not a function`);
    }
  }
  const hooks = Object.fromEntries(hookNames.map((name) => [name, exports[name]]));
  const config = checkedConfig(at, exports.config);
  return { run: run as Script, hooks, hookNames, config, unknown: unknownNames(exports) };
}

function unknownNames(exports: Record<string, unknown>): string[] {
  const members = Object.keys(exports.config ?? {}).map((name) => `config.${name}`);
  const known = ['default', 'config', 'config.browser', ...HOOK_NAMES];
  return [...Object.keys(exports), ...members].filter((name) => !known.includes(name));
}

function checkedConfig(at: string, config: unknown): ScriptConfig {
  if (config === undefined) return {};
  if (typeof config !== 'object' || config === null) {
    throw loadError(`${at}: config is ${kind(config)}, not an object`);
  }
  const { browser } = config as { browser?: unknown };
  if (browser !== undefined && typeof browser !== 'boolean') {
    throw loadError(`${at}: config.browser must be true or false`);
  }
  return { browser };
}

/** Node shows what a CommonJS module exports under this name too. */
const COMMON_JS = 'module.exports';

/** A file without any `import` and `export` passes for CommonJS; then it exports nothing. */
const isEmpty = (exports: Record<string, unknown>): boolean =>
  COMMON_JS in exports && typeof exports[COMMON_JS] === 'object' &&
  Object.keys(exports[COMMON_JS] ?? {}).length === 0;

const isCommonJS = (exports: Record<string, unknown>): boolean => COMMON_JS in exports && !isEmpty(exports);

function kind(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

const loadError = (message: string, cause?: unknown): CrashError =>
  new CrashError('script_load_error', message, cause);
