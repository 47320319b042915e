import { embeddedDriver } from '../browser/driver-location.ts';
import { registerResolution } from './resolve.ts';

const puppeteer = (): string => new URL('../browser/puppeteer.ts', import.meta.url).href;
const sdk = (): string => new URL('../../../sdk/src/index.ts', import.meta.url).href;

/**
 * Packages that scripts import and nobody installed: browser drivers over the embedded one. The SDK is always the
 * executor's own: its version is the executor's, and its error classes are those that `emit` throws.
 */
export function registerStandIns(resolveFrom: string | undefined): void {
  registerResolution({
    resolveFrom,
    own: { '@quarry/sdk': sdk },
    standIns: {
      'puppeteer': puppeteer,
      'puppeteer-core': puppeteer,
      'playwright': embeddedDriver,
      'playwright-core': embeddedDriver,
    },
  });
}
