import { existsSync } from 'node:fs';
import process from 'node:process';
import { findChromium, launchArguments, leavesSignals, sandboxed } from './chromium.ts';
import type { Driver } from './driver.ts';
import { isDevTools, withoutUserInfo } from './endpoint.ts';
import { LossWatch } from './loss.ts';
import { closeAll, documentNote, pageHeap } from './page-facts.ts';
import { proxyAddress } from './proxy/use.ts';
import type { BrowserSession, SessionOptions } from './session.ts';
import { disguisePuppeteer } from './stealth.ts';

type Own = Extract<Driver, { kind: 'puppeteer' }>;

/** A session over the user's own Puppeteer: its own objects, no facade. */
export async function openPuppeteer(driver: Own, options: SessionOptions): Promise<BrowserSession> {
  const { puppeteer } = driver;
  // A browser server of the embedded driver does not speak DevTools; the run then starts a browser of its own.
  const shared = options.endpoint && isDevTools(options.endpoint) ? options.endpoint : undefined;
  const browser = shared
    ? await puppeteer.connect(connectOptions(shared))
    : await puppeteer.launch(await ownLaunch(driver));
  try {
    const loss = new LossWatch(browser, { askBrowser: () => browser.version(), onLoss: options.onLoss });
    const browserContext = await newContext(browser, options);
    const page = await browserContext.newPage();
    loss.watchPage(page, 'error');
    await disguisePuppeteer(page, await browser.version());
    const { username, password } = options.proxy ?? {};
    if (username !== undefined) await page.authenticate({ username, password });
    noteDocuments(page, options.onDocument);
    const close = () =>
      shared ? closeAll(browserContext, { close: () => browser.disconnect() }) : closeAll(browser);
    return {
      page,
      browser,
      browserContext,
      isOfShared: shared !== undefined,
      heap: () => pageHeap(page),
      isLost: () => loss.isLost,
      lossBehind: (failure) => loss.behind(failure),
      close,
    };
  } catch (error) {
    // A browser that others use is left, not ended.
    await closeAll(shared ? { close: () => browser.disconnect() } : browser);
    throw error;
  }
}

function connectOptions(endpoint: string): object {
  const { address, headers } = withoutUserInfo(endpoint);
  const place = address.startsWith('http') ? { browserURL: address } : { browserWSEndpoint: address };
  return { ...place, ...(headers && { headers }) };
}

async function ownLaunch({ puppeteer, bringsBrowser }: Own): Promise<object> {
  const own = bringsBrowser && !process.env.QUARRY_CHROMIUM ? await ownBrowser(puppeteer) : undefined;
  const executablePath = own ?? findChromium();
  const args = await launchArguments(executablePath);
  return {
    headless: true,
    args: sandboxed() ? args : [...args, '--no-sandbox'],
    executablePath,
    ...leavesSignals,
  };
}

/** The browser that Puppeteer downloaded, if it did. */
async function ownBrowser(puppeteer: any): Promise<string | undefined> {
  try {
    const path = await puppeteer.executablePath();
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

function newContext(browser: any, { proxy }: SessionOptions): Promise<any> {
  // Chromium would go around the proxy to loopback addresses; the embedded driver lets nothing go around it either.
  const options = proxy && { proxyServer: proxyAddress(proxy), proxyBypassList: ['<-loopback>'] };
  return browser.createBrowserContext
    ? browser.createBrowserContext(options)
    : browser.createIncognitoBrowserContext(options);
}

function noteDocuments(page: any, onDocument: SessionOptions['onDocument']): void {
  page.on('response', (response: any) => {
    const request = response.request();
    if (!request.isNavigationRequest() || request.frame() !== page.mainFrame()) return;
    const timing = response.timing?.();
    const ms = timing ? timing.receiveHeadersEnd - Math.max(0, timing.sendStart) : undefined;
    const note = documentNote(response.url(), response.status(), response.headers(), ms);
    if (note) onDocument(note);
  });
}
