import { createRequire, findPackageJSON } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { embeddedDriver, noteGlobals } from './driver-location.ts';

/** A browser driver, loaded. */
export type Driver =
  /** The user's own package. */
  | { kind: 'puppeteer'; puppeteer: any; bringsBrowser: boolean }
  /** The embedded one. */
  | { kind: 'embedded'; chromium: any };

const loaded = new Map<string, Promise<Driver>>();

/** The driver for a script: a Puppeteer that resolves from it or from `resolveFrom`, else the embedded one. */
export function loadDriver(script: string, resolveFrom?: string): Promise<Driver> {
  const key = `${script}\0${resolveFrom ?? ''}`;
  const driver = loaded.get(key) ?? importDriver(script, resolveFrom);
  loaded.set(key, driver);
  return driver;
}

/** The embedded driver's `chromium`. */
export async function embeddedChromium(): Promise<any> {
  return (await import(embeddedDriver())).chromium;
}

async function importDriver(script: string, resolveFrom?: string): Promise<Driver> {
  for (const name of ['puppeteer', 'puppeteer-core']) {
    const module = ownPackage(name, script) ??
      (resolveFrom && ownPackage(name, join(resolveFrom, 'package.json')));
    if (!module) continue;
    const loaded = noteGlobals();
    const imported = await import(module);
    loaded();
    return {
      kind: 'puppeteer',
      puppeteer: imported.default ?? imported,
      bringsBrowser: name === 'puppeteer',
    };
  }
  return { kind: 'embedded', chromium: await embeddedChromium() };
}

/** URL of the main module of an installed package. */
function ownPackage(name: string, from: string): string | undefined {
  const base = pathToFileURL(from).href;
  try {
    if (!findPackageJSON(name, base)) return undefined;
  } catch {
    return undefined;
  }
  return pathToFileURL(createRequire(base).resolve(name)).href;
}
