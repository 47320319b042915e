// The types of the browser driver in use. A package that is not installed has no types: its names are then `any`, which
// is what a script over the embedded driver gets unless it names types of its own.

// @ts-ignore: `any` without the package
type Puppeteer = typeof import('puppeteer');
// @ts-ignore: `any` without the package
type PuppeteerPage = import('puppeteer').Page;
// @ts-ignore: `any` without the package
type PuppeteerBrowser = import('puppeteer').Browser;
// @ts-ignore: `any` without the package
type PuppeteerContext = import('puppeteer').BrowserContext;
// @ts-ignore: `any` without the package
type CorePage = import('puppeteer-core').Page;
// @ts-ignore: `any` without the package
type CoreBrowser = import('puppeteer-core').Browser;
// @ts-ignore: `any` without the package
type CoreContext = import('puppeteer-core').BrowserContext;

/** Two types that have nothing in common: only `any` is both. */
type Installed<Own, Core> = [Puppeteer] extends ['one'] ? [Puppeteer] extends ['other'] ? Core : Own : Own;

/** `Page` of the Puppeteer that the type checker finds, `puppeteer` before `puppeteer-core`; else `any`. */
export type DriverPage = Installed<PuppeteerPage, CorePage>;
/** `Browser` of the same package. */
export type DriverBrowser = Installed<PuppeteerBrowser, CoreBrowser>;
/** `BrowserContext` of the same package. */
export type DriverBrowserContext = Installed<PuppeteerContext, CoreContext>;
