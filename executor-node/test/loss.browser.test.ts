// Browsers that are killed in the middle of a run.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
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
  kill(markedProcesses(mark).filter((one) => !except.includes(one)), 'SIGKILL');
}

function kill(pids: number[], signal: string): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // A helper of the browser that ended with it.
    }
  }
}

/** Processes of a browser, by what they are, told by their commands. */
const PARTS: Record<string, (command: string) => boolean> = {
  browser: (command) => command.includes('headless') && !command.includes('--type='),
  renderer: (command) => command.includes('--type=renderer'),
  'whole browser': (command) => command.includes('headless'),
};

/** Of the processes with the mark and their descendants: those that show pages do not keep their environment. */
function partOf(mark: string, part: string): number[] {
  const marked = new Set(markedProcesses(mark));
  const isOurs = (pid: number): boolean => marked.has(pid) || (pid > 1 && isOurs(parentOf(pid)));
  return readdirSync('/proc').map(Number).filter((pid) => pid > 1).filter((pid) => {
    try {
      return PARTS[part](readFileSync(`/proc/${pid}/cmdline`, 'latin1')) && isOurs(pid);
    } catch {
      return false;
    }
  });
}

const parentOf = (pid: number): number =>
  Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1] ?? 0);

/** An address that never answers; tells of each request for it. */
async function silentAddress(t: TestContext, asked: () => void): Promise<string> {
  const server = createServer(asked);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
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

const PAGE_CRASHED = {
  status: 'crash',
  error_type: 'browser_lost',
  message: 'the page crashed: its process ended in the middle of the run',
};

/** How scripts take the failure of what waits, for an answer about the site. */
const TAKERS: Record<string, string> = {
  'catches it and says what it saw':
    `try { await page.goto(job.slow); } catch (error) { await emit.item({ item_type: 'bogus', data: {} }); }`,
  'ends the run because of it':
    `try { await page.goto(job.slow); } catch (error) { await emit.runComplete(); }`,
  'ends the run as failed': `try { await page.goto(job.slow); } catch (error) {
    await emit.runError({ error_type: 'mine', message: 'the site is down' }); }`,
  'lets it fall': `await page.goto(job.slow);`,
  'has it from another page':
    `const other = await browser.newPage(); await other.goto(job.slow).catch(() => {}); await emit.runComplete();`,
  'has it from the real page':
    `await page.playwright.goto(job.slow).catch(() => {}); await emit.runComplete();`,
  'waits for an element meanwhile': `const gone = page.waitForSelector('#never', { timeout: 600_000 });
    page.goto(job.slow).catch(() => {}); await gone.catch(() => {}); await emit.runComplete();`,
};

/** Leaves `page` without an answer. */
const HANGS: Record<string, string> = {
  'in a loop': `await page.evaluate('setTimeout(() => { for (;;); })');`,
  'behind a dialog': `const shown = new Promise((resolve) => page.playwright.on('dialog', resolve));
     page.evaluate('alert(1)').catch(() => {}); await shown;`,
};
/** A port at which nothing listens. */
const REFUSED = 'http://127.0.0.1:1/';

const ENDED = 'the browser ended in the middle of the run';
const EVERYONE = Object.keys(TAKERS);
const ENDS: [string, string, string, string[]][] = [
  ['browser', 'SIGTERM', ENDED, EVERYONE],
  ['whole browser', 'SIGTERM', ENDED, EVERYONE.slice(0, 1)],
  ['renderer', 'SIGKILL', PAGE_CRASHED.message, EVERYONE.filter((what) => !what.includes('another page'))],
];

for (const [part, signal, message, takers] of ENDS) {
  for (const what of takers) {
    const body = TAKERS[what];
    test(`the ${part} gets ${signal} while page.goto waits, and the script ${what}: a crash`, async (t) => {
      const { endpoint, mark } = await startBroker(t);
      const slow = await silentAddress(t, () => kill(partOf(mark, part), signal));
      const script = `export default async ({ browser, page, job, emit }) => { ${body} };`;
      const { code, frames, stderr } = await runScript(t, script, {
        job: { slow },
        browser_ws_endpoint: endpoint,
      });
      assert.equal(code, 2, stderr);
      assert.deepEqual(outcomeOf(frames), { ...PAGE_CRASHED, message });
      assert.ok(!frames.some(({ type }) => ['item', 'run_complete', 'run_error'].includes(type)));
    });
  }
}

/** What leaves a run with something that cannot be asked any more. */
const UNASKABLE: Record<string, string> = {
  'the script has closed its context': `await page.goto(job.site); await page.browserContext().close();
    await page.title().catch(({ message }) => { if (!/closed/.test(message)) throw new Error(message); });`,
  'the page hangs': `${HANGS['in a loop']} await other.goto(job.refused).catch(() => {});`,
};

for (const [what, body] of Object.entries(UNASKABLE)) {
  test(`the browser gets SIGTERM while another page's goto waits, when ${what}: a crash`, async (t) => {
    const site = await startSite(t);
    const { endpoint, mark } = await startBroker(t);
    const slow = await silentAddress(t, () => kill(partOf(mark, 'browser'), 'SIGTERM'));
    const script = `export default async ({ browser, page, job, emit }) => {
      const other = await (await browser.createBrowserContext()).newPage();
      ${body}
      await other.goto(job.slow).catch(() => {});
      await emit.item({ item_type: 'bogus', data: {} });
    };`;
    const { code, frames, stderr } = await runScript(t, script, {
      job: { site, slow, refused: REFUSED },
      browser_ws_endpoint: endpoint,
    });
    assert.equal(code, 2, stderr);
    assert.deepEqual(outcomeOf(frames), { ...PAGE_CRASHED, message: ENDED });
    assert.deepEqual(frames.map(({ type }) => type).filter((type) => type === 'item'), []);
  });
}

for (const [how, hang] of Object.entries(HANGS)) {
  test(`a page that hangs ${how}, and is known to, loses its process while a call to it waits: a crash`, async (t) => {
    const { endpoint, mark } = await startBroker(t);
    const slow = await silentAddress(t, () => kill(partOf(mark, 'renderer'), 'SIGKILL'));
    const script = `export default async ({ browser, page, job, emit }) => {
      const other = await (await browser.createBrowserContext()).newPage();
      ${hang}
      await other.goto(job.refused).catch(() => {});
      const waits = page.evaluate('1');
      other.goto(job.slow).catch(() => {});
      await waits.catch(() => {});
      await emit.item({ item_type: 'bogus', data: {} });
    };`;
    const { code, frames, stderr } = await runScript(t, script, {
      job: { slow, refused: REFUSED },
      browser_ws_endpoint: endpoint,
    });
    assert.equal(code, 2, stderr);
    assert.deepEqual(outcomeOf(frames), PAGE_CRASHED);
    assert.deepEqual(frames.map(({ type }) => type).filter((type) => type === 'item'), []);
  });
}

for (const [how, hang] of Object.entries(HANGS)) {
  test(`a page that hangs ${how} holds up one failure of another page, not each of them`, async (t) => {
    const script = `export default async ({ browser, page, job, emit }) => {
      const other = await (await browser.createBrowserContext()).newPage();
      ${hang}
      const failures = [];
      while (failures.length < 10) {
        const start = performance.now();
        const message = await other.goto(job.refused).catch(({ message }) => message);
        failures.push({ message, ms: performance.now() - start });
      }
      await emit.item({ item_type: 'x', data: { failures } });
    };`;
    const { code, frames, stderr } = await runScript(t, script, { job: { refused: REFUSED } });
    assert.equal(code, 0, stderr);
    const { failures } = frames[0].payload.data;
    for (const { message } of failures) assert.match(message, /net::ERR_/);
    // One that waits for the page takes 2 s at least.
    const fastest = Math.min(...failures.slice(1).map(({ ms }: { ms: number }) => ms));
    assert.ok(fastest < 1999, `${fastest} ms`);
  });
}

test('its own browser gets SIGTERM while page.goto waits: a crash', async (t) => {
  const mark = `term-${process.pid}-${Math.random()}`;
  const slow = await silentAddress(t, () => kill(partOf(mark, 'browser'), 'SIGTERM'));
  const script =
    `export default async ({ page, job }) => { await page.goto(job.slow, { timeout: 600_000 }).catch(() => {}); };`;
  const { code, frames, stderr } = await runScript(t, script, { job: { slow } }, { QUARRY_TEST_MARK: mark });
  assert.equal(code, 2, stderr);
  assert.deepEqual(outcomeOf(frames), { ...PAGE_CRASHED, message: ENDED });
});

for (const isolation of ['module', 'none']) {
  test(`isolation ${isolation}: a browser gets SIGTERM while page.goto waits, and the next run has another`, async (t) => {
    const site = await startSite(t);
    const { endpoint, mark } = await startBroker(t);
    const slow = await silentAddress(t, () => kill(partOf(mark, 'browser'), 'SIGTERM'));
    const folder = folderWith(t, {
      'slow.ts': `export default async ({ page, job, emit }) => {
        await page.goto(job.slow).catch(() => {});
        await emit.item({ item_type: 'bogus', data: {} });
      };`,
      'title.ts': TITLE,
    });
    const executor = new ServingExecutor(t, [`--serve=${isolation}`]);
    const request = { job: { site, slow }, browser_ws_endpoint: endpoint };
    for (const name of ['title', 'slow', 'title', 'slow', 'title']) {
      const frames = await executor.serve(join(folder, `${name}.ts`), request);
      const status = name === 'slow' ? { ...PAGE_CRASHED, message: ENDED } : { status: 'completed' };
      assert.deepEqual(outcomeOf(frames.slice(0, -1)), status);
      assert.equal(frames.at(-1)?.left_behind, undefined);
      assert.ok(!frames.some(({ payload }) => payload?.item_type === 'bogus'));
    }
  });
}

test('a navigation that is aborted otherwise, or a page of the script that it closed, is an error to catch', async (t) => {
  const server = createServer((request, response) => {
    if (request.url === '/none') response.writeHead(204).end();
    else if (request.url === '/file') {
      response.writeHead(200, { 'content-disposition': 'attachment' }).end('x');
    } else if (request.url === '/cut') response.destroy();
    else response.end('here');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close().closeAllConnections());
  const site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const script = `export default async ({ browser, page, job, emit }) => {
    const told = async (call) => call().then(() => 'went', ({ message }) => message.split(' at ')[0]);
    const first = page.goto(job.site + '/none').catch(({ message }) => message);
    const failures = [await first];
    for (const path of ['/there', '/file', '/cut']) failures.push(await told(() => page.goto(job.site + path)));
    const other = await browser.newPage();
    await other.close();
    failures.push(await told(() => other.title()));
    await page.close();
    failures.push(await told(() => page.goto(job.site)));
    await emit.item({ item_type: 'x', data: { failures } });
  };`;
  const { code, frames, stderr } = await runScript(t, script, { job: { site } });
  assert.equal(code, 0, stderr);
  const [none, there, file, cut, other, page] = frames[0].payload.data.failures;
  assert.match(none, /net::ERR_ABORTED/);
  assert.match(file, /Download is starting|net::ERR_ABORTED/);
  assert.match(cut, /net::ERR_EMPTY_RESPONSE/);
  assert.equal(there, 'went');
  for (const closed of [other, page]) assert.match(closed, /has been closed/);
});

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
  'goes somewhere and catches the failure':
    `await crash(page); try { await page.goto(job.slow); } catch { await emit.runComplete(); }`,
  'goes to an address that crashes':
    `await page.goto('chrome://crash').catch(() => {}); await new Promise((resolve) => setTimeout(resolve, 600_000));`,
};

/** Stands for the user's own Puppeteer, whose pages tell of their crash as an error. */
const OWN_PUPPETEER = `
  import { EventEmitter } from 'node:events';
  const none = async () => {};
  const page = Object.assign(new EventEmitter(), { setUserAgent: none, evaluateOnNewDocument: none, evaluate: none });
  const context = { newPage: async () => page, close: none };
  const browser = Object.assign(new EventEmitter(), {
    version: async () => 'Chrome/1.2.3.4', createBrowserContext: async () => context, close: none,
  });
  export default { launch: async () => browser };`;

for (const [what, body] of Object.entries(CRASHES)) {
  test(`the page's process dies while the script ${what}: a crash with its reason`, async (t) => {
    const slow = await silentAddress(t, () => {});
    const script = `${CRASH} export default async ({ page, job, emit }) => { ${body} };`;
    const { code, frames, stderr } = await runScript(t, script, { job: { slow } });
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
