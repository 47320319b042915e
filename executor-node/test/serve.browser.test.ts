// Runs with pages, one after the other in one executor, over a browser that runs already.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { findChromium } from '../src/browser/chromium.ts';
import { driverModule } from '../src/browser/driver-location.ts';
import { startChromium } from './chromium.ts';
import { folderWith, type Frame, runScript, ServingExecutor, types } from './support.ts';
import { startSite } from './site.ts';

/** A browser for many runs. Resolves to its address. */
async function startBroker(t: TestContext): Promise<string> {
  const broker = spawn(join(import.meta.dirname ?? '.', '../bin/quarry-browser'), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => {
    broker.stdin.end();
    return new Promise((resolve) => broker.on('close', resolve));
  });
  for await (const line of createInterface(broker.stdout)) return JSON.parse(line).ws_endpoint;
  throw new Error('the broker ended');
}

/** `left_behind` of a run's end. */
const left = (frames: Frame[]): string | undefined => frames.at(-1)?.left_behind;

const data = (frames: Frame[]): Frame => frames.find(({ type }) => type === 'item')?.payload.data;

test('each run has a context of its own, prepared while the one before goes on, and leaves nothing behind', async (t) => {
  const site = await startSite(t);
  const folder = folderWith(t, {
    'visit.ts': `export default async ({ page, browser, browserContext, job, emit }: any) => {
      const contexts = browser.contexts().length;
      await page.goto(job.site + '/');
      const seen = await page.evaluate(() => [document.cookie, localStorage.getItem('was')].join());
      await page.evaluate(() => { document.cookie = 'was=here'; localStorage.setItem('was', 'here'); });
      page.on('close', () => {});
      await browser.newContext();
      await emit.item({ item_type: 'x', data: { contexts, seen, title: await page.title() } });
    };`,
    'closes.ts': `export default async ({ browser }: any) => { await browser.close(); };`,
    'none.ts': `export const config = { browser: false }; export default () => {};`,
  });
  const executor = new ServingExecutor(t, ['--serve=module', '--driver-for', join(folder, 'visit.ts')]);
  const request = { browser_ws_endpoint: await startBroker(t), job: { site } };
  for (const name of ['visit', 'visit', 'closes', 'visit', 'none', 'visit']) {
    const frames = await executor.serve(join(folder, `${name}.ts`), request);
    const { code, left_behind, had_browser } = frames.at(-1) ?? {};
    assert.deepEqual(
      [name, code, left_behind, had_browser],
      [name, 0, undefined, name !== 'none'],
      executor.stderr,
    );
    if (name !== 'visit') continue;
    assert.deepEqual(data(frames), { contexts: 1, seen: ',', title: 'T' });
    assert.deepEqual(frames.at(-2)?.hosts?.length, 1);
  }
});

test("an exception in a page's listener fails the run whose page it is", async (t) => {
  const site = await startSite(t);
  const folder = folderWith(t, {
    'listens.ts': `export default async ({ page, job }: any) => {
      page.on('response', async (response: any) => { throw new Error('from ' + response.status()); });
      await page.goto(job.site + '/');
      await page.waitForSelector('#never');
    };`,
  });
  const executor = new ServingExecutor(t);
  const request = { browser_ws_endpoint: await startBroker(t), job: { site } };
  for (let round = 0; round < 2; round++) {
    const frames = await executor.serve(join(folder, 'listens.ts'), request);
    assert.deepEqual(types(frames), ['run_begin', 'run_error', 'run_result', 'run_end']);
    assert.equal(frames[1].payload.message, 'from 200');
  }
});

test('a browser of each run leaves nothing behind in its process', async (t) => {
  const folder = folderWith(t, {
    'a.ts': `export default async ({ page }: any) => { await page.title(); };`,
    'closes.ts': `export default async ({ browser }: any) => { await browser.close(); };`,
  });
  const temporary = folderWith(t, {});
  const executor = new ServingExecutor(t, ['--serve=module'], { TMPDIR: temporary });
  for (const name of ['a', 'a', 'closes', 'a']) {
    const { code, left_behind } = (await executor.serve(join(folder, `${name}.ts`))).at(-1) ?? {};
    assert.deepEqual([name, code, left_behind], [name, 0, undefined], executor.stderr);
  }
  assert.equal((await executor.end().result()).code, 0);
  assert.deepEqual(readdirSync(temporary), []);
});

test('a browser that writes until it is killed leaves no folder either', async (t) => {
  // The writer keeps the browser's pipes, so that it counts as one that has not ended yet.
  const chromium = `#!/bin/sh
    case $* in *--user-data-dir*)
      while kill -0 $PPID; do n=$(((n + 1) % 100)); echo > "$TMPDIR/late-$n"; done &
    esac
    exec '${findChromium()}' "$@"`;
  const folder = folderWith(t, { chromium });
  chmodSync(join(folder, 'chromium'), 0o755);
  const temporary = folderWith(t, {});
  const environment = { TMPDIR: temporary, QUARRY_CHROMIUM: join(folder, 'chromium') };
  const { code, stderr } = await runScript(t, 'export default () => {};', {}, environment);
  assert.equal(code, 0, stderr);
  assert.deepEqual(readdirSync(temporary), []);
});

test("a driver's globals are no script's, also the user's own Puppeteer and a driver that a script imports", async (t) => {
  const puppeteer = puppeteerOver(pathToFileURL(driverModule()).href);
  const own = {
    'node_modules/puppeteer-core/package.json': '{"name":"puppeteer-core","version":"1.0.0",' +
      MODULE.slice(1),
    'node_modules/puppeteer-core/index.js': `globalThis.ofPuppeteer = 1;${puppeteer}`,
    'script.ts': `export default async ({ page }: any) => { await page.title(); };`,
  };
  const imports = {
    'script.ts': `import { chromium } from 'playwright';
      export const config = { browser: false };
      export default () => chromium.name();`,
  };
  for (const files of [own, imports]) {
    const script = join(folderWith(t, files), 'script.ts');
    const frames = await new ServingExecutor(t).serve(script);
    assert.deepEqual([frames.at(-1)?.code, left(frames)], [0, undefined]);
  }
});

test('an interval of a listener is told as left behind', async (t) => {
  const folder = folderWith(t, {
    'a.ts': `export default async ({ page }: any) => {
      const called = Promise.withResolvers<void>();
      page.on('console', () => { setInterval(() => {}, 1000); called.resolve(); });
      await page.evaluate(() => console.log(1));
      await called.promise;
    };`,
  });
  const executor = new ServingExecutor(t);
  const request = { browser_ws_endpoint: await startBroker(t) };
  assert.equal(left(await executor.serve(join(folder, 'a.ts'), request)), 'a timer');
});

/** What a script can let a browser call, and what makes the browser call it. \`late\` fails when the gate opens. */
const CALLED: [what: string, register: string, cause: string][] = [
  ['on', `page.on('console', late)`, `await page.evaluate(() => console.log(1))`],
  ['once', `page.once('console', late)`, `await page.evaluate(() => console.log(1))`],
  [
    'async',
    `page.on('console', async () => { called.resolve(); await gate.promise; throw new Error('too late'); })`,
    `await page.evaluate(() => console.log(1))`,
  ],
  ['context', `browserContext.on('page', late)`, `await browserContext.newPage()`],
  ['targets', `browser.on('targetcreated', late)`, `await browser.newPage()`],
  ['function', `await page.exposeFunction('told', late)`, `await page.evaluate(() => told())`],
  [
    'route',
    `await page.route('**/*', (route) => { late(); route.continue(); })`,
    `await page.goto(job.site + '/next')`,
  ],
  [
    'interception',
    `await page.setRequestInterception(true); page.on('request', (request) => { late(); request.continue(); })`,
    `await page.goto(job.site + '/next')`,
  ],
  [
    'timer',
    `page.on('console', () => setTimeout(late, 1))`,
    `await page.evaluate(() => console.log(1)); await called.promise`,
  ],
];

/** A run whose listener fails later, when another run opens the gate that both have. */
const late = (register: string, cause: string, gate: string): string =>
  `import { gate } from 'gate';
  export default async ({ page, browser, browserContext, job }: any) => {
    const called = Promise.withResolvers<void>();
    const late = () => { called.resolve(); gate.promise.then(() => { throw new Error('too late'); }); };
    await page.goto(job.site + '/');
    ${register};
    ${cause};
    await called.promise;
  };`.replaceAll("'gate'", `'${gate}'`);

const opens = (gate: string): string =>
  `import { gate } from '${gate}';
  export default async ({ page, job }: any) => {
    await page.goto(job.site + '/');
    gate.resolve();
    await page.goto(job.site + '/next');
  };`;

const GATE = `export const gate = Promise.withResolvers();`;
const MODULE = '{"type":"module","exports":"./index.js"}';

/** Has run after run with a browser, each followed by one that opens its gate. */
async function lateFailures(
  t: TestContext,
  args: string[],
  called: typeof CALLED,
  request: object,
  packages: Record<string, string> = {},
): Promise<void> {
  const files = called.flatMap(([what, register, cause]) => [
    [`${what}.ts`, late(register, cause, `gate-${what}`)],
    [`opens-${what}.ts`, opens(`gate-${what}`)],
    [`node_modules/gate-${what}/package.json`, MODULE],
    [`node_modules/gate-${what}/index.js`, GATE],
  ]);
  const folder = folderWith(t, { ...Object.fromEntries(files), ...packages });
  const executor = new ServingExecutor(t, args);
  for (const [what] of called) {
    const early = await executor.serve(join(folder, `${what}.ts`), { ...request, run_id: `early-${what}` });
    assert.deepEqual(
      [what, ...types(early)],
      [what, 'run_begin', 'run_complete', 'run_result', 'run_end'],
      executor.stderr,
    );
    const frames = await executor.serve(join(folder, `opens-${what}.ts`), { ...request, run_id: 'next' });
    assert.deepEqual([what, ...types(frames)], [what, 'run_begin', 'run_complete', 'run_result', 'run_end']);
  }
  const { stderr } = await executor.end().result();
  for (const [what] of called) {
    assert.ok(stderr.includes(`in run early-${what}, which is over: Error: too late`), `${what}: ${stderr}`);
  }
}

for (const isolation of ['module', 'none']) {
  test(`isolation ${isolation}: what a browser calls of a run that is over fails no other run`, async (t) => {
    const site = await startSite(t);
    const request = { browser_ws_endpoint: await startBroker(t), job: { site } };
    await lateFailures(t, [`--serve=${isolation}`], CALLED, request);
  });
}

test('so it is over a DevTools address, and with a browser of each run', async (t) => {
  const site = await startSite(t);
  const { endpoint } = await startChromium(t);
  const some = CALLED.filter(([what]) => ['async', 'function', 'route'].includes(what));
  await lateFailures(t, ['--serve=module'], some, { browser_ws_endpoint: endpoint, job: { site } });
  await lateFailures(t, ['--serve=module'], some, { job: { site } });
});

/** Calls of Puppeteer's that the executor makes, over the embedded driver: objects without a facade. */
const puppeteerOver = (driver: string): string => `
  import { chromium } from ${JSON.stringify(driver)};
  const asContext = (context) => Object.assign(context, { newPage: async () => {
    const page = await Object.getPrototypeOf(context).newPage.call(context);
    return Object.assign(page, { setUserAgent: async () => {}, evaluateOnNewDocument: (script) => page.addInitScript(script) });
  } });
  const asBrowser = (browser) => ({
    createBrowserContext: async () => asContext(await browser.newContext()),
    once: (event, listener) => browser.once(event, listener),
    version: async () => 'HeadlessChrome/' + browser.version(),
    disconnect: () => browser.close(),
    close: () => browser.close(),
  });
  export default {
    launch: async ({ args, executablePath }) => asBrowser(await chromium.launch({ args, executablePath })),
    connect: async ({ browserWSEndpoint }) => asBrowser(await chromium.connectOverCDP(browserWSEndpoint)),
  };`;

test("so it is with the user's own Puppeteer, connected and launched", async (t) => {
  const site = await startSite(t);
  const { endpoint } = await startChromium(t);
  const own = {
    'node_modules/puppeteer-core/package.json': '{"name":"puppeteer-core","version":"1.0.0",' +
      MODULE.slice(1),
    'node_modules/puppeteer-core/index.js': puppeteerOver(pathToFileURL(driverModule()).href),
  };
  const some = CALLED.filter(([what]) => ['on', 'function', 'route'].includes(what));
  await lateFailures(t, ['--serve=module'], some, { browser_ws_endpoint: endpoint, job: { site } }, own);
  await lateFailures(t, ['--serve=module'], some, { job: { site } }, own);
});
