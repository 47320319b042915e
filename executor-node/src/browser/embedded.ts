import process from 'node:process';
import { blockAds } from './ads.ts';
import { LAUNCH_TIMEOUT_MS, launchChromium, VERSION_TIMEOUT_MS } from './chromium.ts';
import { isDevTools, withoutUserInfo } from './endpoint.ts';
import { browserVersion } from './facade/devtools.ts';
import { Facade } from './facade/facade.ts';
import { LossWatch } from './loss.ts';
import { closeAll, documentNote, pageHeap, within } from './page-facts.ts';
import { proxyAddress } from './proxy/use.ts';
import { withScratchFolder } from './scratch.ts';
import type { BrowserSession, SessionOptions, SessionProxy } from './session.ts';
import { disguise, stealthOptions } from './stealth.ts';

/** A session over the embedded driver; page, browser and context answer Puppeteer's calls too. */
export async function openEmbedded(chromium: any, options: SessionOptions): Promise<BrowserSession> {
  const { endpoint, connections } = options;
  if (!endpoint) return await openIn(await launchEmbedded(chromium), options);
  // A connection that waited may lead to a browser that hangs; the server replaces it for a new one.
  const waiting = connections?.take(endpoint);
  const session = waiting && await tryIn(waiting, options);
  if (session) return session;
  await waiting?.close();
  const browser = await connectEmbedded(chromium, endpoint);
  if (!isDevTools(endpoint)) connections?.note(endpoint, browser);
  return await openIn(browser, options);
}

/** Undefined when the connection is no good any more; that is nobody's loss, since another one takes its place. */
async function tryIn(browser: any, options: SessionOptions): Promise<BrowserSession | undefined> {
  let isOpen = false;
  const onLoss = (reason: string): void => {
    if (isOpen) options.onLoss(reason);
  };
  const opening = openIn(browser, { ...options, onLoss }).catch(() => undefined);
  const session = await within(opening, ANSWER_MS, undefined);
  isOpen = session?.isLost() === false;
  return isOpen ? session : undefined;
}

async function openIn(browser: any, options: SessionOptions): Promise<BrowserSession> {
  const { endpoint, connections } = options;
  try {
    const askBrowser = (): Promise<unknown> => browserVersion(browser);
    const loss = new LossWatch(browser, { askBrowser, onLoss: options.onLoss });
    const contextOptions = await runContextOptions(browser, options.proxy);
    const context = await browser.newContext(contextOptions);
    await disguise(context);
    if (process.env.QUARRY_ADBLOCKER === '1') await blockAds(context);
    noteDocuments(context, options.onDocument);
    context.on('page', closeCrashed);
    const page = await context.newPage();
    loss.watchPage(page, 'crash');
    const facade = new Facade({ context, contextOptions, endpoint, hold: (result) => loss.hold(result) });
    return {
      page: facade.wrap(page),
      browser: facade.wrap(browser),
      browserContext: facade.wrap(context),
      isOfShared: endpoint !== undefined,
      heap: () => pageHeap(page),
      isLost: () => loss.isLost,
      lossBehind: (failure) => loss.behind(failure),
      close: async () => {
        loss.end();
        facade.end(browser);
        // Over a DevTools address those of others are there too.
        const isOwn = !endpoint || !isDevTools(endpoint);
        await closeAll(...isOwn ? browser.contexts() : [context]);
        const isKept = !loss.isLost && !facade.hasGivenRaw && connections?.give(browser);
        if (!isKept) await closeAll(browser);
      },
    };
  } catch (error) {
    await closeAll(browser);
    throw error;
  }
}

/** How long a browser may take for a first page before it counts as hung. */
const ANSWER_MS = 10_000;

/** Starts a browser; it ends with this process, however that ends. */
export async function launchEmbedded(chromium: any): Promise<any> {
  const launch = (options: object) => withScratchFolder(() => chromium.launch(options), 'disconnected');
  return await launchChromium(launch);
}

/** Connects to a browser server of this driver, or to the DevTools address of any Chromium. */
export async function connectEmbedded(chromium: any, endpoint: string): Promise<any> {
  const { address, headers } = withoutUserInfo(endpoint);
  try {
    const options = { timeout: CONNECT_TIMEOUT_MS, headers };
    return await (isDevTools(address)
      ? chromium.connectOverCDP(address, options)
      : chromium.connect(address, options));
  } catch (error) {
    const reason = refusal((error as Error).message).replaceAll(address, '…');
    // Without the driver's error as a cause: its text has the whole address.
    throw new Error(`the browser at ${new URL(address).host} does not answer: ${reason}`);
  }
}

/** A broker may have to start its browser first, and says so when that does not speak. */
const CONNECT_TIMEOUT_MS = VERSION_TIMEOUT_MS + LAUNCH_TIMEOUT_MS + 5_000;

/** The broker says in the body of its 503 why it has no browser; all else is told by the first line. */
function refusal(message: string): string {
  const [first, second] = message.split('\n');
  return / 503 /.test(first) && second ? second : first;
}

/** What every context of a run is made with. */
export async function runContextOptions(
  browser: any,
  proxy?: SessionProxy,
): Promise<Record<string, unknown>> {
  const options = await stealthOptions(browser);
  if (proxy) {
    const { username, password } = proxy;
    options.proxy = { server: proxyAddress(proxy), username, password };
  }
  return options;
}

/** What waits for a crashed page of the script's own gets an error; DevTools commands to it would wait for ever. */
function closeCrashed(page: any): void {
  page.once('crash', () => page.close().catch(() => {}));
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
