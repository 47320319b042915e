import { createRequire, findPackageJSON } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
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
    return { kind: 'puppeteer', puppeteer: await importOwn(module), bringsBrowser: name === 'puppeteer' };
  }
  return { kind: 'embedded', chromium: await embeddedChromium() };
}

/** @throws when the package is there and is no driver, with its place and what to do. */
async function importOwn(module: string): Promise<any> {
  const loaded = noteGlobals();
  let why = 'it has no launch()';
  try {
    const imported = await import(module);
    const puppeteer = imported.default ?? imported;
    if (typeof puppeteer.launch === 'function') return puppeteer;
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  } finally {
    loaded();
  }
  throw new Error(
    `your own ${
      fileURLToPath(module)
    } cannot be used (${why}): install it anew, or remove it to use the embedded driver`,
  );
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
