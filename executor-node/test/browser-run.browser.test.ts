// Runs with a page, end to end: request line in, frames out.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { folderWith, outcomeOf, REQUEST, RunningExecutor, runScript, types } from './support.ts';
import { findChromium } from '../src/browser/chromium.ts';
import { startSite } from './site.ts';

test('a page, its notes about hosts, memory, and a screenshot', async (t) => {
  const site = await startSite(t);
  const { code, frames } = await runScript(
    t,
    `
    export default async ({ page, browser, browserContext, job, emit, memory }) => {
      await page.goto(job.site + '/');
      const limited = await page.goto(job.site + '/limited');
      await page.goto(job.site + '/moved');
      const { node, browser: heap, pressure } = await memory.snapshot();
      await emit.item({ item_type: 'x', data: { status: limited.status(), same: page.browserContext() === browserContext && page.browser() === browser, heap: heap.used > 0, node: node.ratio < 1, pressure } });
      await emit.artifact({ name: 'shot.png', content_type: 'image/png', data: await page.screenshot() });
    };`,
    { job: { site } },
  );
  assert.equal(code, 0);
  assert.deepEqual(types(frames), ['item', 'artifact_chunk', 'artifact', 'run_complete', 'run_result']);
  assert.deepEqual(frames[0].payload.data, {
    status: 429,
    same: true,
    heap: true,
    node: true,
    pressure: 'low',
  });
  const { host } = new URL(site);
  const notes = frames[4].hosts.map(({ ms, ...note }: { ms: number }) => {
    assert.ok(Number.isInteger(ms) && ms >= 0, `${ms} ms`);
    return note;
  });
  assert.deepEqual(notes, [{ host, status: 200 }, { host, status: 429, retry_after_ms: 7000 }, {
    host,
    status: 302,
  }, { host, status: 200 }]);
});

test('a script that imports puppeteer without having it', async (t) => {
  const site = await startSite(t);
  const { code, frames } = await runScript(
    t,
    `
    import puppeteer, { TimeoutError } from 'puppeteer';
    export const config = { browser: false };
    export default async ({ job, emit }) => {
      const browser = await puppeteer.launch({ headless: true, args: ['--no-sandbox'] });
      const page = await browser.newPage();
      await page.goto(job.site + '/');
      const late = await page.waitForSelector('#none', { timeout: 1 }).catch((error) => error instanceof TimeoutError);
      await emit.item({ item_type: 'x', data: { title: await page.evaluate((a, b) => document.title + a + b, 1, 2), late } });
      await browser.close();
    };`,
    { job: { site } },
  );
  assert.equal(code, 0, JSON.stringify(outcomeOf(frames)));
  assert.deepEqual(frames[0].payload.data, { title: 'T12', late: true });
});

/** Stands for a user's own Puppeteer: the calls that the executor makes, written down, over nothing. */
const FAKE_PUPPETEER = {
  'node_modules/puppeteer-core/package.json':
    '{"name":"puppeteer-core","version":"1.0.0","type":"module","exports":"./index.js"}',
  'node_modules/puppeteer-core/index.js': `
    const calls = [];
    const page = {
      calls, on: () => {}, once: () => {}, mainFrame: () => null,
      authenticate: async (given) => calls.push(['authenticate', given]),
      setUserAgent: async (agent, { brands }) => calls.push(['agent', agent, brands.length]),
      evaluateOnNewDocument: async (script) => calls.push(['script', typeof script]),
    };
    const context = { newPage: async () => page, close: async () => {} };
    const browser = { once: () => {}, version: async () => 'HeadlessChrome/156.0.1.2', createBrowserContext: async (given) => (calls.push(['context', given]), context), close: async () => {}, disconnect: async () => {} };
    export default {
      launch: async ({ args, executablePath }) => (calls.push(['launch', executablePath, args.includes('--no-sandbox')]), browser),
      connect: async (given) => (calls.push(['connect', given]), browser),
    };`,
};

/** How the executor makes a page look like one that somebody looks at. */
const DISGUISE = [
  [
    'agent',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36',
    2,
  ],
  ['script', 'function'],
];

async function ownDriver(t: TestContext, request: object, environment = {}): Promise<unknown[]> {
  const script =
    'export default ({ page, emit }) => emit.item({ item_type: "calls", data: { calls: page.calls } });';
  const inside = folderWith(t, { ...FAKE_PUPPETEER, 'script.ts': script });
  const outside = folderWith(t, { 'script.ts': script });
  const calls = await Promise.all(
    [[inside], [outside, '--resolve-from', inside]].map(async ([folder, ...options]) => {
      const executor = new RunningExecutor(t, [...options, join(folder, 'script.ts')], environment);
      const { code, frames, stderr } = await executor.request({ ...REQUEST, ...request }).result();
      assert.equal(code, 0, stderr);
      return frames[0].payload.data.calls;
    }),
  );
  assert.deepEqual(calls[0], calls[1], 'beside the script, and from --resolve-from');
  return calls[0];
}

test("the user's own puppeteer is taken first: launch, proxy, DevTools endpoint", async (t) => {
  const proxy = { protocol: 'http', host: 'p.test', port: 8080 };
  const withWord = { ...proxy, username: 'u', password: 'w' };
  const launched = await ownDriver(t, { proxy, browser_ws_endpoint: 'ws://127.0.0.1:1/secret' }, {
    QUARRY_CHROMIUM: process.execPath,
  });
  assert.deepEqual(launched, [
    ['launch', process.execPath, process.getuid?.() === 0],
    ['context', { proxyServer: 'http://p.test:8080', proxyBypassList: ['<-loopback>'] }],
    ...DISGUISE,
  ]);
  const endpoint = 'ws://127.0.0.1:1/devtools/browser/x';
  const named = endpoint.replace('//', '//us%40er:w%C3%B6rd@');
  assert.deepEqual(await ownDriver(t, { browser_ws_endpoint: named, proxy: withWord }), [
    ['connect', {
      browserWSEndpoint: endpoint,
      headers: { Authorization: `Basic ${btoa('us@er:w\xc3\xb6rd')}` },
    }],
    ['context', { proxyServer: 'http://p.test:8080', proxyBypassList: ['<-loopback>'] }],
    ...DISGUISE,
    ['authenticate', { username: 'u', password: 'w' }],
  ]);
});

test('no browser there: a crash with what to do', async (t) => {
  const script = 'export default () => {};';
  const wrong = await runScript(t, script, {}, { QUARRY_CHROMIUM: '/none/chromium' });
  assert.deepEqual([wrong.code, outcomeOf(wrong.frames).error_type], [2, 'browser_error']);
  assert.match(
    outcomeOf(wrong.frames).message,
    /QUARRY_CHROMIUM is \/none\/chromium, and no program is there/,
  );
  const gone = await runScript(t, script, { browser_ws_endpoint: 'ws://127.0.0.1:9/secret-path' });
  assert.equal(gone.code, 2);
  assert.match(outcomeOf(gone.frames).message, /the browser at 127\.0\.0\.1:9 does not answer/);
  assert.doesNotMatch(JSON.stringify(gone.frames) + gone.stderr, /secret-path/);
  const driver = await runScript(t, script, {}, { QUARRY_DRIVER: '/none' });
  assert.match(outcomeOf(driver.frames).message, /QUARRY_DRIVER is \/none/);
});

test('config.browser = false loads no driver at all', async (t) => {
  const script = `export const config = { browser: false }; export default () => {};`;
  const { code } = await runScript(t, script, { browser_ws_endpoint: 'ws://127.0.0.1:9/x' }, {
    QUARRY_DRIVER: '/none',
    QUARRY_CHROMIUM: '/none',
  });
  assert.equal(code, 0);
});

test('prepare that skips starts no browser', async (t) => {
  const script = `export const prepare = () => ({ action: 'skip' }); export default () => {};`;
  assert.equal((await runScript(t, script, {}, { QUARRY_CHROMIUM: '/none' })).code, 0);
});

test("a driver's errors have no colours, however colourful its surroundings, also for a script that imports it", async (t) => {
  const body = `await page.waitForSelector('#none', { timeout: 1 });`;
  const own = `import { chromium } from 'playwright';
    export const config = { browser: false };
    export default async () => {
      const browser = await chromium.launch({ executablePath: process.env.QUARRY_CHROMIUM, chromiumSandbox: false });
      try { const page = await browser.newPage(); ${body} } finally { await browser.close(); }
    };`;
  for (const script of [`export default async ({ page }) => { ${body} };`, own]) {
    const { frames, stderr } = await runScript(t, script, {}, {
      FORCE_COLOR: '1',
      QUARRY_CHROMIUM: findChromium(),
    });
    const { message, stack } = frames[0].payload;
    assert.match(message, /waiting for locator\('#none'\)/);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(message + stack + stderr, /\x1b/);
  }
});
