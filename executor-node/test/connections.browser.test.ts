// Connections to a browser server, which one executor keeps from run to run.
import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { type Broker, startBroker } from './broker-process.ts';
import { folderWith, type Frame, outcomeOf, ServingExecutor } from './support.ts';
import { startSite } from './site.ts';

/** A way to a broker that counts who comes. */
async function startCounter(
  t: TestContext,
  { endpoint }: Broker,
): Promise<{ endpoint: string; count(): number }> {
  const url = new URL(endpoint);
  const port = Number(url.port);
  let count = 0;
  const server = createServer((socket) => {
    count++;
    const inner = connect(port, '127.0.0.1');
    for (const [one, other] of [[socket, inner], [inner, socket]]) {
      one.on('error', () => {}).on('close', () => other.destroy());
    }
    socket.pipe(inner).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  url.port = String((server.address() as AddressInfo).port);
  return { endpoint: url.href, count: () => count };
}

const data = (frames: Frame[]): Frame => frames.find(({ type }) => type === 'item')?.payload.data;
const status = (frames: Frame[]): Frame => outcomeOf(frames.slice(0, -1));

/** What a run finds in the browser that it gets. */
const LOOKS = `export default async ({ page, browser, browserContext, job, emit }) => {
  await page.goto(job.site + '/');
  await emit.item({ item_type: 'x', data: {
    title: await page.title(),
    contexts: browser.browserContexts().length,
    pages: (await browser.pages()).length,
    mark: browser.mark ?? null,
    listeners: [browser.listenerCount('context'), browser.listenerCount('targetcreated'), browserContext.listenerCount('targetcreated')],
    script: await page.evaluate(() => globalThis.left ?? null),
  } });
};`;

const CLEAN = { title: 'T', contexts: 1, pages: 1, mark: null, listeners: [0, 0, 0], script: null };

/** What a run leaves, and whether its connection can go on. */
const LEAVES: [what: string, body: string, isKept: boolean][] = [
  ['nothing', ``, true],
  ['contexts', `await (await browser.createBrowserContext()).newPage(); await browser.newPage();`, true],
  [
    'listeners',
    `for (const one of [browser, browserContext]) one.on('targetcreated', () => { throw new Error('called later'); });
     page.on('close', () => {}); browser.on('disconnected', () => {});`,
    true,
  ],
  ['a navigation that failed', `await page.goto('http://127.0.0.1:1/').catch(() => {});`, true],
  ['a script of the page', `await page.evaluateOnNewDocument(() => { globalThis.left = 1; });`, true],
  [
    'a listener of the driver',
    `browser.playwright.on('context', () => { throw new Error('called later'); });`,
    false,
  ],
  ["a driver's object", `page.playwright.url();`, false],
  ['a member', `browser.playwright.mark = 'left';`, false],
  ['a DevTools session', `await browser.playwright.newBrowserCDPSession();`, false],
  ['no connection', `await browser.close();`, false],
];

for (const isolation of ['module', 'none']) {
  test(`isolation ${isolation}: connections are kept, and nothing that a run leaves in them`, async (t) => {
    const site = await startSite(t);
    const counter = await startCounter(t, await startBroker(t));
    const scripts = LEAVES.map(([, body], n) => [
      `leaves-${n}.ts`,
      `export default async ({ page, browser, browserContext, job }) => { await page.goto(job.site + '/'); ${body} };`,
    ]);
    const folder = folderWith(t, { 'looks.ts': LOOKS, ...Object.fromEntries(scripts) });
    const executor = new ServingExecutor(t, [`--serve=${isolation}`]);
    const request = { job: { site }, browser_ws_endpoint: counter.endpoint };
    const looks = async (): Promise<Frame> => data(await executor.serve(join(folder, 'looks.ts'), request));
    // One for a run, and one for what is prepared meanwhile.
    assert.deepEqual([await looks(), await looks(), counter.count()], [CLEAN, CLEAN, 2], executor.stderr);
    for (const [n, [what, , isKept]] of LEAVES.entries()) {
      const before = counter.count();
      const frames = await executor.serve(join(folder, `leaves-${n}.ts`), request);
      assert.deepEqual([what, status(frames), frames.at(-1)?.left_behind], [
        what,
        { status: 'completed' },
        undefined,
      ]);
      assert.deepEqual([what, await looks(), await looks()], [what, CLEAN, CLEAN], executor.stderr);
      assert.deepEqual([what, counter.count() - before], [what, isKept ? 0 : 1]);
    }
  });
}

test('a run that is over does not reach the browser that others have', async (t) => {
  const folder = folderWith(t, {
    'saves.ts': `let saved;
      export default async ({ browser, emit }) => {
        const reached = saved && await (async () => (await saved.newPage()).url())().catch(({ message }) => message);
        saved ??= browser;
        await emit.item({ item_type: 'x', data: { reached: reached ?? null } });
      };`,
  });
  const executor = new ServingExecutor(t, ['--serve=none']);
  const request = { browser_ws_endpoint: (await startBroker(t)).endpoint };
  const reached: unknown[] = [];
  for (let run = 0; run < 3; run++) {
    reached.push(data(await executor.serve(join(folder, 'saves.ts'), request)).reached);
  }
  const refusal = 'the browser has been closed: its run is over';
  assert.deepEqual(reached, [null, refusal, refusal]);
});

test('each run goes through its own proxy over a connection that is kept', async (t) => {
  const asked: string[] = [];
  const proxies = await Promise.all(['a', 'b'].map(async (name) => {
    const server = createServer((socket) => {
      socket.on('error', () => {}).once('data', () => {
        asked.push(name);
        socket.end(
          'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<title>proxy</title>',
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    return { protocol: 'http', host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  }));
  const folder = folderWith(t, {
    'visit.ts': `export default async ({ page }) => { await page.goto('http://site.test/'); };`,
  });
  const counter = await startCounter(t, await startBroker(t));
  const executor = new ServingExecutor(t);
  for (const proxy of [proxies[0], proxies[1], proxies[0], proxies[1]]) {
    const frames = await executor.serve(join(folder, 'visit.ts'), {
      browser_ws_endpoint: counter.endpoint,
      proxy,
    });
    assert.deepEqual(status(frames), { status: 'completed' });
  }
  assert.deepEqual(asked, ['a', 'b', 'a', 'b']);
  assert.ok(counter.count() <= 2, `${counter.count()} connections`);
});

/** Sends a signal to every process of the browser. */
function signal({ browsers }: Broker, name: 'SIGKILL' | 'SIGSTOP'): void {
  for (const pid of browsers()) {
    try {
      process.kill(pid, name);
    } catch {
      // A helper of the browser that ended with it.
    }
  }
}

const WAITS = `export default async ({ page, emit }) => {
  await emit.info('ready');
  await page.waitForSelector('#never', { timeout: 600_000 });
};`;

for (const name of ['SIGKILL', 'SIGSTOP'] as const) {
  test(`${name} for a browser in the middle of a run: a crash, and the next runs have a sound one`, async (t) => {
    const site = await startSite(t);
    const broker = await startBroker(t);
    const folder = folderWith(t, { 'looks.ts': LOOKS, 'waits.ts': WAITS });
    const executor = new ServingExecutor(t);
    const request = { job: { site }, browser_ws_endpoint: broker.endpoint };
    const looks = async (): Promise<Frame> => data(await executor.serve(join(folder, 'looks.ts'), request));
    assert.deepEqual([await looks(), await looks()], [CLEAN, CLEAN]);
    const { onFrame } = executor;
    executor.onFrame = (frame) => {
      onFrame(frame);
      if (frame.type === 'log') signal(broker, name);
    };
    const { status: ending, error_type } = status(await executor.serve(join(folder, 'waits.ts'), request));
    assert.deepEqual([ending, error_type], ['crash', 'browser_lost'], executor.stderr);
    assert.deepEqual([await looks(), await looks()], [CLEAN, CLEAN], executor.stderr);
  });
}
