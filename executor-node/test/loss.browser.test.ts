// Browsers that are killed in the middle of a run.
import assert from 'node:assert/strict';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { markedProcesses, startBroker } from './broker-process.ts';
import { SessionsAhead } from '../src/browser/ahead.ts';
import {
  type Ended,
  folderWith,
  outcomeOf,
  REQUEST,
  RunningExecutor,
  runScript,
  ServingExecutor,
} from './support.ts';
import { startSite } from './site.ts';
import { join } from 'node:path';

const TITLE = `export default async ({ page, job, emit }) => {
  await page.goto(job.site + '/');
  await emit.item({ item_type: 'x', data: { title: await page.title() } });
};`;

/** Kills every browser process that carries the mark. */
function killBrowsers(mark: string, except: (number | undefined)[]): void {
  for (const pid of markedProcesses(mark).filter((one) => !except.includes(one))) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // A helper of the browser that ended with it.
    }
  }
}

/** Runs a script that says when it is ready, kills its browser then, and waits for the end. */
async function runAndKill(
  t: TestContext,
  script: string,
  request: object,
  kill: (executor: RunningExecutor) => void,
  environment: Record<string, string> = {},
): Promise<Ended> {
  const path = join(folderWith(t, { 'script.ts': script }), 'script.ts');
  const executor = new RunningExecutor(t, [path], environment);
  executor.onFrame = ({ type }) => type === 'log' && kill(executor);
  return await executor.request({ ...REQUEST, ...request }).result();
}

const SCRIPTS = {
  'waits for the page': `await page.waitForSelector('#never', { timeout: 600_000 });`,
  'waits for something else': `await new Promise((resolve) => setTimeout(resolve, 600_000));`,
  'takes every failure for the end of its list':
    `for (;;) { try { await page.title(); } catch { break; } await new Promise((resolve) => setTimeout(resolve, 5)); }
     await new Promise((resolve) => setTimeout(resolve, 600_000));`,
  'tells the failure itself':
    `try { await page.waitForSelector('#never', { timeout: 600_000 }); } catch (error) { await emit.runError({ error_type: 'mine', message: error.message }); }`,
};

for (const [what, body] of Object.entries(SCRIPTS)) {
  test(`its own browser is killed while the script ${what}: a crash with its reason`, async (t) => {
    const site = await startSite(t);
    const mark = `own-${process.pid}-${Math.random()}`;
    const script = `export default async ({ page, job, emit }) => {
      await page.goto(job.site + '/'); await emit.info('ready'); ${body} };`;
    const kill = (executor: RunningExecutor): void => killBrowsers(mark, [executor.child.pid]);
    const { code, frames, stderr } = await runAndKill(t, script, { job: { site } }, kill, {
      QUARRY_TEST_MARK: mark,
    });
    assert.equal(code, 2, stderr);
    assert.deepEqual(outcomeOf(frames), {
      status: 'crash',
      error_type: 'browser_lost',
      message: 'the browser ended in the middle of the run',
    });
    assert.ok(
      !frames.some(({ type, payload }) => type === 'run_error' && payload.error_type === 'script_error'),
    );
    assert.equal(markedProcesses(mark).length, 0);
  });
}

test('a shared browser is killed: its runs crash, the next run gets a new one', async (t) => {
  const site = await startSite(t);
  const { endpoint, browsers, mark, child } = await startBroker(t);
  const request = { job: { site }, browser_ws_endpoint: endpoint };
  const waits = `export default async ({ page, job, emit }) => {
    await page.goto(job.site + '/'); await emit.info('ready'); await page.waitForSelector('#never', { timeout: 600_000 }); };`;
  const crashed = await runAndKill(t, waits, request, () => killBrowsers(mark, [child.pid]));
  assert.deepEqual([crashed.code, outcomeOf(crashed.frames).error_type], [2, 'browser_lost']);
  const next = await runScript(t, TITLE, request);
  assert.equal(next.code, 0, next.stderr);
  assert.ok(browsers().length > 0);
});

test('a browser that ends after the terminal event, or that the script closes, is no crash', async (t) => {
  const site = await startSite(t);
  const closes =
    `export default async ({ browser, page, emit }) => { await browser.close(); await emit.info('closed'); };`;
  assert.equal((await runScript(t, closes)).code, 0);
  const uses = `export default async ({ browser, page }) => { await browser.close(); await page.title(); };`;
  const used = await runScript(t, uses);
  assert.deepEqual([used.code, outcomeOf(used.frames).error_type], [1, 'script_error']);
  const mark = `late-${process.pid}-${Math.random()}`;
  const late =
    `export const cleanup = async () => { await new Promise((resolve) => setTimeout(resolve, 50)); };
    export default async ({ page, job, emit }) => { await page.goto(job.site + '/'); await emit.runComplete(); await emit.info('x').catch(() => {}); };`;
  const path = join(folderWith(t, { 'script.ts': late }), 'script.ts');
  const executor = new RunningExecutor(t, [path], { QUARRY_TEST_MARK: mark });
  executor.onFrame = ({ type }) => type === 'run_complete' && killBrowsers(mark, [executor.child.pid]);
  const { code, frames } = await executor.request({ ...REQUEST, job: { site } }).result();
  assert.deepEqual([code, outcomeOf(frames).status], [0, 'completed']);
});

/** Ends the process of a page, which never answers to that. */
const CRASH = `const crash = async (page) => {
  const session = await page.createCDPSession();
  session.send('Page.crash').catch(() => {});
  return session;
};`;

const CRASHES = {
  'waits for the page': `crash(page); await page.waitForSelector('#never', { timeout: 600_000 });`,
  'waits for the command that does it': `await (await page.createCDPSession()).send('Page.crash');`,
  'waits for something else': `crash(page); await new Promise((resolve) => setTimeout(resolve, 600_000));`,
  'catches what its calls get and returns':
    `crash(page); for (let lives = true; lives;) await page.title().catch(() => { lives = false; });`,
  'goes to an address that crashes':
    `await page.goto('chrome://crash').catch(() => {}); await new Promise((resolve) => setTimeout(resolve, 600_000));`,
};

/** Stands for the user's own Puppeteer, whose pages tell of their crash as an error. */
const OWN_PUPPETEER = `
  import { EventEmitter } from 'node:events';
  const none = async () => {};
  const page = Object.assign(new EventEmitter(), { setUserAgent: none, evaluateOnNewDocument: none });
  const context = { newPage: async () => page, close: none };
  const browser = Object.assign(new EventEmitter(), {
    version: async () => 'Chrome/1.2.3.4', createBrowserContext: async () => context, close: none,
  });
  export default { launch: async () => browser };`;

const PAGE_CRASHED = {
  status: 'crash',
  error_type: 'browser_lost',
  message: 'the page crashed: its process ended in the middle of the run',
};

for (const [what, body] of Object.entries(CRASHES)) {
  test(`the page's process dies while the script ${what}: a crash with its reason`, async (t) => {
    const script = `${CRASH} export default async ({ page }) => { ${body} };`;
    const { code, frames, stderr } = await runScript(t, script);
    assert.equal(code, 2, stderr);
    assert.deepEqual(outcomeOf(frames), PAGE_CRASHED);
  });
}

for (const isolation of ['module', 'none']) {
  test(`isolation ${isolation}: after a page that crashed the next run has a sound one`, async (t) => {
    const site = await startSite(t);
    const { endpoint } = await startBroker(t);
    const folder = folderWith(t, {
      'crash.ts': `${CRASH} export default async ({ page }) => {
          const session = await crash(page);
          await session.send('Runtime.evaluate', { expression: 'new Promise(() => {})', awaitPromise: true });
        };`,
      'title.ts': TITLE,
    });
    const executor = new ServingExecutor(t, [`--serve=${isolation}`]);
    const request = { job: { site }, browser_ws_endpoint: endpoint };
    for (const name of ['title', 'crash', 'title', 'crash', 'title']) {
      const frames = await executor.serve(join(folder, `${name}.ts`), request);
      const status = name === 'crash' ? PAGE_CRASHED : { status: 'completed' };
      assert.deepEqual(outcomeOf(frames.slice(0, -1)), status);
    }
  });
}

test('a page that crashed while it waited for its run is not given to one', async (t) => {
  const script = join(folderWith(t, { 'script.ts': TITLE }), 'script.ts');
  const opened: { isLost: boolean }[] = [];
  // deno-lint-ignore require-await
  const open = async (): Promise<any> => {
    const state = { isLost: false };
    opened.push(state);
    const page = { isClosed: () => false };
    return {
      page,
      isOfShared: true,
      number: opened.length,
      isLost: () => state.isLost,
      close: async () => {},
    };
  };
  const ahead = new SessionsAhead<any>(open);
  t.after(() => ahead.drop());
  const next = async (): Promise<number> =>
    (await ahead.open({ script, onDocument: () => {}, onLoss: () => {} })).number;
  assert.deepEqual([await next(), await next()], [1, 2]);
  opened[2].isLost = true;
  assert.equal(await next(), 4);
});

test("a page of the user's own Puppeteer that crashes ends the run, whatever the script waits for", async (t) => {
  const folder = folderWith(t, {
    'node_modules/puppeteer-core/package.json':
      '{"name":"puppeteer-core","version":"1.0.0","type":"module","exports":"./index.js"}',
    'node_modules/puppeteer-core/index.js': OWN_PUPPETEER,
    'script.ts': `export default async ({ page }) => {
      page.emit('error', new Error('Page crashed!'));
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    };`,
  });
  const executor = new RunningExecutor(t, [join(folder, 'script.ts')]);
  const { code, frames, stderr } = await executor.request(REQUEST).result();
  assert.equal(code, 2, stderr);
  assert.deepEqual(outcomeOf(frames), PAGE_CRASHED);
});

test('a page that crashes in the last hook ends the run as a crash too', async (t) => {
  const script = `${CRASH} export const beforeTerminal = (signal, { page }) =>
    crash(page).then(() => page.waitForSelector('#never', { timeout: 600_000 }));
  export default () => {};`;
  const { code, frames } = await runScript(t, script);
  assert.equal(code, 2);
  assert.deepEqual(outcomeOf(frames), PAGE_CRASHED);
});

test('another page that crashes fails the calls to it, and the run goes on', async (t) => {
  const script = `${CRASH} export default async ({ page, browser, emit }) => {
    const other = await browser.newPage();
    const waits = other.waitForSelector('#never', { timeout: 600_000 }).catch(({ message }) => message);
    const session = await crash(other);
    const messages = [await waits, await other.evaluate('1').catch(({ message }) => message)];
    messages.push(await session.send('Page.enable').catch(({ message }) => message));
    await emit.item({ item_type: 'x', data: { messages, title: await page.title() } });
  };`;
  const { code, frames, stderr } = await runScript(t, script);
  assert.equal(code, 0, stderr);
  for (const message of frames[0].payload.data.messages) assert.match(message, /crashed|closed/i);
});
