import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { embeddedChromium } from '../src/browser/driver.ts';
import { startBroker } from './broker-process.ts';
import { folderWith, outcomeOf, REQUEST, RunningExecutor, runScript } from './support.ts';
import { startSite } from './site.ts';

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!await condition()) {
    assert.ok(performance.now() < deadline, `not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const TITLE = `export default async ({ page, job, emit }) => {
  await page.goto(job.site + '/');
  await emit.item({ item_type: 'x', data: { title: await page.title(), pages: (await page.browserContext().pages()).length } });
};`;

test('no browser until the first run, one for all runs, none after the end of standard input', async (t) => {
  const site = await startSite(t);
  const { child, endpoint, browsers } = await startBroker(t);
  assert.match(endpoint, /^ws:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{48}$/);
  assert.deepEqual(browsers(), []);
  const results = await Promise.all(
    [1, 2, 3].map(() => runScript(t, TITLE, { job: { site }, browser_ws_endpoint: endpoint })),
  );
  for (const { code, frames } of results) {
    assert.deepEqual([code, frames[0].payload.data], [0, { title: 'T', pages: 1 }]);
  }
  assert.ok(browsers().length > 0);
  child.stdin?.end();
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
  await until('no browser is left', () => browsers().length === 0);
});

test('a wrong path is refused and starts nothing', async (t) => {
  const { endpoint, browsers } = await startBroker(t);
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(
      Number(new URL(endpoint).port),
      '127.0.0.1',
      () => socket.write('GET /guess HTTP/1.1\r\n\r\n'),
    );
    socket.once('data', (bytes) => resolve(String(bytes)));
  });
  assert.match(answer, /^HTTP\/1\.1 404/);
  assert.deepEqual(browsers(), []);
});

test('a browser that died is replaced', async (t) => {
  const site = await startSite(t);
  const { endpoint, browsers } = await startBroker(t);
  const request = { job: { site }, browser_ws_endpoint: endpoint };
  assert.equal((await runScript(t, TITLE, request)).code, 0);
  for (const pid of browsers()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // A helper of the browser that ended with it.
    }
  }
  await until('the browser is gone', () => browsers().length === 0);
  assert.equal((await runScript(t, TITLE, request)).code, 0);
});

test('the contexts of a run that is killed go away; other runs do not notice', async (t) => {
  const site = await startSite(t);
  const { endpoint } = await startBroker(t);
  const observer = await (await embeddedChromium()).connect(endpoint);
  t.after(() => observer.close());
  const session = await observer.newBrowserCDPSession();
  const pages = async (): Promise<number> =>
    (await session.send('Target.getTargets')).targetInfos.filter(({ url }: { url: string }) =>
      url.startsWith(site)
    ).length;
  const script = `export default async ({ page, job, emit }) => {
    await page.goto(job.site + '/'); await emit.info('there'); await new Promise((resolve) => setTimeout(resolve, 60_000)); };`;
  const victim = new RunningExecutor(t, [join(folderWith(t, { 'script.ts': script }), 'script.ts')]);
  const there = new Promise<void>((resolve) => victim.onFrame = () => resolve());
  victim.request({ ...REQUEST, job: { site }, browser_ws_endpoint: endpoint });
  await there;
  assert.equal(await pages(), 1);
  victim.child.kill('SIGKILL');
  await until('its page is gone', async () => await pages() === 0);
  assert.equal((await runScript(t, TITLE, { job: { site }, browser_ws_endpoint: endpoint })).code, 0);
});

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  test(`after ${signal} no browser is left`, async (t) => {
    const site = await startSite(t);
    const { child, endpoint, browsers } = await startBroker(t);
    assert.equal((await runScript(t, TITLE, { job: { site }, browser_ws_endpoint: endpoint })).code, 0);
    let said = '';
    child.stdout?.on('data', (bytes) => said += bytes);
    child.kill(signal);
    await once(child, 'close');
    assert.equal(said, signal === 'SIGTERM' ? '{"ending":true}\n' : '');
    await until('no browser is left', () => browsers().length === 0);
    await startBroker(t).then((next) =>
      runScript(t, TITLE, { job: { site }, browser_ws_endpoint: next.endpoint })
    );
    assert.deepEqual(
      readdirSync(tmpdir()).filter((name) => name.startsWith(`quarry-browser-${child.pid}-`)),
      [],
    );
  });
}

test('a browser that nobody uses ends, and the address stays', async (t) => {
  const site = await startSite(t);
  const { endpoint, browsers } = await startBroker(t, { QUARRY_BROWSER_IDLE_TIMEOUT: '0.2' });
  const request = { job: { site }, browser_ws_endpoint: endpoint };
  assert.equal((await runScript(t, TITLE, request)).code, 0);
  await until('the browser is gone', () => browsers().length === 0);
  assert.equal((await runScript(t, TITLE, request)).code, 0);
});

test('a browser that hangs is replaced, and who waits for it is let go', async (t) => {
  const site = await startSite(t);
  const { endpoint, browsers } = await startBroker(t);
  const request = { job: { site }, browser_ws_endpoint: endpoint };
  assert.equal((await runScript(t, TITLE, request)).code, 0);
  const hung = browsers();
  for (const pid of hung) process.kill(pid, 'SIGSTOP');
  assert.equal((await runScript(t, TITLE, request)).code, 0);
  await until('the hung browser is gone', () => !hung.some((pid) => browsers().includes(pid)));
});

test('shared: it ends when nobody used it for the idle time, not while somebody does', async (t) => {
  const { child, endpoint, browsers } = await startBroker(t, { QUARRY_BROWSER_IDLE_TIMEOUT: '0.3' }, [
    '--shared',
  ]);
  child.stdin?.end();
  child.kill('SIGHUP');
  const { port, pathname } = new URL(endpoint);
  const use = connect(Number(port), '127.0.0.1');
  const answered = once(use, 'data');
  use.write(`GET ${pathname}/use HTTP/1.1\r\nHost: x\r\n\r\n`);
  assert.match(String((await answered)[0]), /^HTTP\/1\.1 200 /);
  const site = await startSite(t);
  // Longer than the idle time, from the first run's end to the second's start.
  for (let run = 0; run < 2; run++) {
    assert.equal((await runScript(t, TITLE, { job: { site }, browser_ws_endpoint: endpoint })).code, 0);
  }
  assert.equal(child.exitCode, null);
  const ended = once(child, 'exit');
  use.destroy();
  assert.deepEqual(await ended, [0, null]);
  await until('no browser is left', () => browsers().length === 0);
});

test('why there is no browser reaches the run', async (t) => {
  const { endpoint } = await startBroker(t, { QUARRY_CHROMIUM: '/none/chromium' });
  const { code, frames, stderr } = await runScript(t, TITLE, { browser_ws_endpoint: endpoint });
  assert.deepEqual([code, outcomeOf(frames).error_type], [2, 'browser_error']);
  assert.match(outcomeOf(frames).message, /QUARRY_CHROMIUM is \/none\/chromium, and no program is there/);
  assert.ok(!(JSON.stringify(frames) + stderr).includes(new URL(endpoint).pathname));
});
