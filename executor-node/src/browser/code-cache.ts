import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { cachedDataVersionTag } from 'node:v8';
import { constants, Script } from 'node:vm';
import { crc32 } from 'node:zlib';
import { cacheFolder } from './cache-folder.ts';

/** What Node does with the text of a CommonJS module. */
type Compile = (this: Loading, text: string, path: string, ...more: unknown[]) => unknown;
type Loading = InstanceType<typeof Module> & { exports: unknown };

const prototype = Module.prototype as unknown as { _compile: Compile };

/**
 * Runs `load`, in which CommonJS modules are compiled with what is known from an earlier process. Node's own cache
 * knows a module as it was before it ran, without most of its functions; it cannot be on for some modules alone, either,
 * and those that an executor imports afresh for each run have no place in it.
 * @param folder where that is kept; undefined for nowhere
 */
export function withCodeCache(load: () => void, folder = cacheFolder): void {
  if (!folder) return load();
  const { _compile } = prototype;
  const unknown: (() => void)[] = [];
  prototype._compile = function (text, path) {
    const file = cacheFile(folder, path);
    const cachedData = kept(file);
    const filename = path;
    const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
    const script = new Script(Module.wrap(text), { filename, cachedData, importModuleDynamically });
    if (!cachedData || script.cachedDataRejected) unknown.push(() => keep(file, script.createCachedData()));
    const { exports } = this;
    return script.runInThisContext().call(exports, exports, createRequire(path), this, path, dirname(path));
  };
  try {
    load();
  } finally {
    prototype._compile = _compile;
  }
  unknown.forEach((keepOne) => keepOne());
}

/** Named after all that the compiled code depends on; V8 itself looks at no more of the text than its length. */
function cacheFile(folder: string, path: string): string {
  const { size, mtimeNs, ino } = statSync(path, { bigint: true });
  const key = [path, size, mtimeNs, ino, process.version, cachedDataVersionTag()].join('\0');
  return join(folder, `driver-${createHash('sha256').update(key).digest('hex').slice(0, 32)}`);
}

const SUM_BYTES = 4;

/** Undefined also for what was damaged, which V8 would not notice. */
function kept(file: string): Buffer | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return undefined;
  }
  const code = bytes.subarray(SUM_BYTES);
  return bytes.length > SUM_BYTES && crc32(code) === bytes.readUInt32LE() ? code : undefined;
}

function keep(file: string, code: Buffer): void {
  const sum = Buffer.alloc(SUM_BYTES);
  sum.writeUInt32LE(crc32(code));
  const partial = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(partial, Buffer.concat([sum, code]), { mode: 0o600 });
    renameSync(partial, file);
  } catch {
    // Where nothing can be kept each process compiles by itself, as it does without a cache folder.
  }
}
