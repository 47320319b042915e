import type { BrowserServer } from './broker.ts';
import { launchSettings } from './chromium.ts';
import { embeddedChromium } from './driver.ts';
import { within } from './page-facts.ts';
import { withScratchFolder } from './scratch.ts';

/** How long a browser may take to answer before it counts as hung; far more than one on a busy machine takes. */
const ANSWER_MS = 10_000;

/** Starts a browser server under a path of its loopback port. It ends with this process, however that ends. */
export async function launchServer(wsPath: string): Promise<BrowserServer> {
  const { executablePath, args, sandbox } = await launchSettings();
  const chromium = await embeddedChromium();
  const launch = () =>
    chromium.launchServer({
      executablePath,
      args,
      wsPath,
      chromiumSandbox: sandbox,
      headless: true,
      host: '127.0.0.1',
      handleSIGHUP: false,
      handleSIGINT: false,
      handleSIGTERM: false,
    });
  const server = await withScratchFolder(launch, 'close');
  return Object.assign(server, { answers: answersOf(chromium, server.wsEndpoint()) });
}

/** Asks the browser itself, over a connection that stays. */
function answersOf(chromium: any, endpoint: string): () => Promise<boolean> {
  let session: Promise<any> | undefined;
  let asking: Promise<boolean> | undefined;
  const ask = async (): Promise<boolean> => {
    session ??= chromium.connect(endpoint).then((browser: any) => browser.newBrowserCDPSession());
    await (await session).send('Browser.getVersion');
    return true;
  };
  return () =>
    asking ??= within(ask().catch(() => false), ANSWER_MS, false).finally(() => asking = undefined);
}
