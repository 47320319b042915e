import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { BrowserServer } from './broker.ts';
import { launchChromium } from './chromium.ts';
import { embeddedChromium } from './driver.ts';
import { within } from './page-facts.ts';
import { withScratchFolder } from './scratch.ts';

/** How long a browser may take to answer before it counts as hung; far more than one on a busy machine takes. */
const ANSWER_MS = 10_000;

/**
 * Starts a browser server. It ends with this process, however that ends.
 * @param wsPath what connections that it serves ask for
 */
export async function launchServer(wsPath: string): Promise<BrowserServer> {
  const chromium = await embeddedChromium();
  const launch = (options: object) =>
    withScratchFolder(() => chromium.launchServer({ ...options, wsPath, host: '127.0.0.1' }), 'close');
  const { result: server, listener } = await withListener(() => launchChromium(launch));
  return Object.assign(server, {
    serve: (socket: Socket) => listener.emit('connection', socket),
    answers: answersOf(chromium, server.wsEndpoint()),
  });
}

/**
 * The result of a launch, and the HTTP server that begins to listen in it. A connection that is handed to that server is
 * spared a second way over the loopback device, which costs more than all else that this process does for a message.
 */
async function withListener(launch: () => Promise<any>): Promise<{ result: any; listener: Server }> {
  let listener: Server | undefined;
  const note = (message: unknown): void => {
    listener = (message as { server: Server }).server;
  };
  subscribe(LISTENS, note);
  try {
    const result = await launch();
    if (!listener) throw new Error('the browser server does not listen');
    return { result, listener };
  } finally {
    unsubscribe(LISTENS, note);
  }
}

/** Where Node tells of a server that begins to listen. */
const LISTENS = 'tracing:net.server.listen:asyncStart';

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
