import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { withCodeCache } from './code-cache.ts';

const EMBEDDED = '.tools/driver/playwright/driver/package/index.mjs';

/**
 * Path of the embedded driver's module: under `QUARRY_DRIVER` (its package folder), else in the tools folder of the
 * nearest directory above this file that has one. @throws with what to do when there is none.
 */
export function driverModule(environment: Record<string, string | undefined> = process.env): string {
  const given = environment.QUARRY_DRIVER;
  if (given) return existing(join(given, 'index.mjs'), `QUARRY_DRIVER is ${given}, and no driver is there`);
  for (let folder = import.meta.dirname ?? '/'; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, EMBEDDED))) return join(folder, EMBEDDED);
  }
  throw new Error(
    'the embedded browser driver is not installed: run scripts/setup, or install puppeteer beside the script',
  );
}

/** Globals that came with a browser's driver: no script left them behind. */
export const driverGlobals = new Set<string | symbol>();

/** To be called before a driver is loaded, and its result when it is. */
export function noteGlobals(): () => void {
  const before = new Set(Reflect.ownKeys(globalThis));
  return () => Reflect.ownKeys(globalThis).forEach((name) => before.has(name) || driverGlobals.add(name));
}

/** URL of the embedded driver's module, which is then loaded already. @throws as `driverModule` */
export function embeddedDriver(): string {
  const module = driverModule();
  const loaded = noteGlobals();
  withoutColours(() => withCodeCache(() => createRequire(module)('./index.js')));
  loaded();
  return pathToFileURL(module).href;
}

/**
 * The driver looks once, when it is loaded, for a terminal to write colours to; what it says goes into events. At one
 * go, so that nobody else sees the variable.
 */
function withoutColours(load: () => void): void {
  const { FORCE_COLOR } = process.env;
  process.env.FORCE_COLOR = '0';
  try {
    load();
  } finally {
    if (FORCE_COLOR === undefined) delete process.env.FORCE_COLOR;
    else process.env.FORCE_COLOR = FORCE_COLOR;
  }
}

function existing(path: string, otherwise: string): string {
  if (!existsSync(path)) throw new Error(otherwise);
  return path;
}
