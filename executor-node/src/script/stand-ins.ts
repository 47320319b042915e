import { pathToFileURL } from 'node:url';
import { driverModule } from '../browser/driver-location.ts';
import { registerResolution } from './resolve.ts';

const embedded = (): string => pathToFileURL(driverModule()).href;
const puppeteer = (): string => new URL('../browser/puppeteer.ts', import.meta.url).href;
const sdk = (): string => new URL('../../../sdk/src/index.ts', import.meta.url).href;

/** Packages that scripts import and nobody installed: the SDK, and browser drivers over the embedded one. */
export function registerStandIns(resolveFrom: string | undefined): void {
  registerResolution({
    resolveFrom,
    standIns: {
      '@quarry/sdk': sdk,
      'puppeteer': puppeteer,
      'puppeteer-core': puppeteer,
      'playwright': embedded,
      'playwright-core': embedded,
    },
  });
}
