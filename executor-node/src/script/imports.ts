import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { statSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type LoadedScript, loadScript } from './load.ts';
import { MARK, marked, type SharedIsolation, withoutMarks } from './isolation.ts';

/** Imports the scripts of the runs that one process serves. */
export class ScriptImports {
  private readonly isolation: SharedIsolation;
  private readonly kept = new Map<string, { version: string; script: Promise<LoadedScript> }>();
  private count = 0;

  constructor(isolation: SharedIsolation) {
    this.isolation = isolation;
    registerFreshModules();
    Error.prepareStackTrace = plainStack;
  }

  /** @throws CrashError that names the file, and the line where there is one. */
  load(path: string): Promise<LoadedScript> {
    return this.isolation === 'none' ? this.keptScript(path) : this.fresh(path);
  }

  private fresh(path: string): Promise<LoadedScript> {
    return loadScript(path, marked(pathToFileURL(path).href, ++this.count));
  }

  private keptScript(path: string): Promise<LoadedScript> {
    const version = fileVersion(path);
    const known = this.kept.get(path);
    if (known?.version === version) return known.script;
    const script = this.fresh(path);
    this.kept.set(path, { version, script });
    return script;
  }
}

/** Gives the modules that a fresh one imports by path the same mark. Packages are shared, and so is CommonJS. */
function registerFreshModules(): void {
  stripQuietly();
  const sources = new Map<string, { version: string; loaded: Loaded }>();
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      const mark = context.parentURL?.match(MARK)?.[0];
      const isOwn = /^(\.{0,2}\/|file:)/.test(specifier) && found.url.startsWith('file:');
      if (!mark || !isOwn || found.format === 'commonjs' || found.url.includes('?')) return found;
      return { ...found, url: found.url + mark };
    },
    load(url, context, next) {
      if (!url.match(MARK)) return next(url, context);
      const path = fileURLToPath(url);
      const version = fileVersion(path);
      const known = sources.get(path);
      if (known?.version === version) return known.loaded;
      const loaded = stripped(next(url, context));
      sources.set(path, { version, loaded });
      return loaded;
    },
  });
}

type Loaded = ReturnType<Parameters<NonNullable<Parameters<typeof registerHooks>[0]['load']>>[2]>;

/** Types are taken out once, not for each run. What cannot be stripped is left to Node, which says why. */
function stripped(loaded: Loaded): Loaded {
  if (loaded.format !== 'module-typescript' || !loaded.source) return { ...loaded, shortCircuit: true };
  try {
    const text = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
    return { format: 'module', source: stripTypeScriptTypes(text), shortCircuit: true };
  } catch {
    return loaded;
  }
}

/** Strips types for the first time, when Node warns that this is experimental: news for nobody who runs a script. */
function stripQuietly(): void {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    stripTypeScriptTypes('');
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Changes when the file's content does. */
function fileVersion(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found ? `${found.ino}:${found.size}:${found.mtimeNs}` : 'missing';
}

/** As Node writes stacks, without the marks. */
function plainStack(error: Error, sites: NodeJS.CallSite[]): string {
  return withoutMarks([headline(error), ...sites.map(String)].join('\n    at '));
}

function headline(error: Error): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return '<error>';
  }
}
