import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';

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

function existing(path: string, otherwise: string): string {
  if (!existsSync(path)) throw new Error(otherwise);
  return path;
}
