import process from 'node:process';
import { blockAds } from './ads.ts';
import { isStealthy, launchSettings, plainUserAgent } from './chromium.ts';
import { Facade } from './facade/facade.ts';
import { closeAll, documentNote, pageHeap } from './page-facts.ts';
import { proxyAddress } from './proxy/use.ts';
import { withScratchFolder } from './scratch.ts';
import type { BrowserSession, SessionOptions, SessionProxy } from './session.ts';

/** A session over the embedded driver; page, browser and context answer Puppeteer's calls too. */
export async function openEmbedded(chromium: any, options: SessionOptions): Promise<BrowserSession> {
  const browser = options.endpoint
    ? await connectEmbedded(chromium, options.endpoint)
    : await launchEmbedded(chromium);
  try {
    const contextOptions = runContextOptions(browser, options.proxy);
    const context = await browser.newContext(contextOptions);
    if (process.env.QUARRY_ADBLOCKER === '1') await blockAds(context);
    noteDocuments(context, options.onDocument);
    const page = await context.newPage();
    const facade = new Facade({ context, contextOptions, endpoint: options.endpoint });
    return {
      page: facade.wrap(page),
      browser: facade.wrap(browser),
      browserContext: facade.wrap(context),
      heap: () => pageHeap(page),
      close: () => closeAll(context, browser),
    };
  } catch (error) {
    await closeAll(browser);
    throw error;
  }
}

/** Starts a browser; it ends with this process, however that ends. */
export function launchEmbedded(chromium: any): Promise<any> {
  const { executablePath, args, sandbox } = launchSettings();
  return withScratchFolder(() =>
    chromium.launch({ executablePath, args, chromiumSandbox: sandbox, headless: true })
  );
}

/** Connects to a browser server of this driver, or to the DevTools address of any Chromium. */
export async function connectEmbedded(chromium: any, endpoint: string): Promise<any> {
  const isDevTools = /\/devtools\/browser\//.test(endpoint) || endpoint.startsWith('http');
  try {
    return await (isDevTools ? chromium.connectOverCDP(endpoint) : chromium.connect(endpoint));
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0];
    throw new Error(
      `the browser at ${withoutSecret(endpoint)} does not answer: ${reason.replaceAll(endpoint, '…')}`,
      { cause: error },
    );
  }
}

const withoutSecret = (endpoint: string): string => new URL(endpoint).host;

/** What every context of a run is made with. */
export function runContextOptions(browser: any, proxy?: SessionProxy): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  if (isStealthy()) options.userAgent = plainUserAgent(browser.version());
  if (proxy) {
    const { username, password } = proxy;
    options.proxy = { server: proxyAddress(proxy), username, password };
  }
  return options;
}

function noteDocuments(context: any, onDocument: SessionOptions['onDocument']): void {
  context.on('response', (response: any) => {
    const request = response.request();
    if (!request.isNavigationRequest() || !isMainDocument(request)) return;
    const { requestStart, responseStart } = request.timing();
    const ms = responseStart >= 0 ? responseStart - Math.max(0, requestStart) : undefined;
    const note = documentNote(response.url(), response.status(), response.headers(), ms);
    if (note) onDocument(note);
  });
}

function isMainDocument(request: any): boolean {
  try {
    return request.frame().parentFrame() === null;
  } catch {
    // A page that does not exist yet has no frame, and only main documents are asked for that early.
    return true;
  }
}
