// A Chromium that somebody else started, by its DevTools address.
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { startChromium } from './chromium.ts';
import { folderWith, outcomeOf, REQUEST, RunningExecutor, runScript } from './support.ts';
import { startSite } from './site.ts';

test('a DevTools address: the run has a context of its own, dressed as in a browser of ours', async (t) => {
  const site = await startSite(t);
  const { endpoint, child } = await startChromium(t);
  const script = `export default async ({ page, browserContext, job, emit }) => {
    await page.goto(job.site + '/agent');
    const told = await page.evaluate(() => document.body.innerText);
    await page.goto(job.site + '/next');
    const seen = await page.evaluate(() => ({ agent: navigator.userAgent, brands: navigator.userAgentData.brands.map(({ brand }) => brand), plugins: navigator.plugins.length }));
    await emit.item({ item_type: 'x', data: { told, ...seen, pages: (await browserContext.pages()).length } });
  };`;
  for (let run = 0; run < 2; run++) {
    const { code, frames, stderr } = await runScript(t, script, {
      job: { site },
      browser_ws_endpoint: endpoint,
    });
    assert.equal(code, 0, stderr);
    const { told, agent, brands, plugins, pages } = frames[0].payload.data;
    assert.equal(told, agent);
    assert.match(agent, / Chrome\/\d+\.0\.0\.0 /);
    assert.ok(!brands.includes('HeadlessChrome') && brands.includes('Chromium'));
    assert.deepEqual([plugins, pages], [5, 1]);
  }
  assert.equal(child.exitCode, null, 'it is not ours to end');
});

test('its end in the middle of a run is a crash', async (t) => {
  const site = await startSite(t);
  const { endpoint, child } = await startChromium(t);
  const script = `export default async ({ page, job, emit }) => {
    await page.goto(job.site + '/'); await emit.info('ready'); await page.waitForSelector('#never', { timeout: 600_000 }); };`;
  const executor = new RunningExecutor(t, [join(folderWith(t, { 'script.ts': script }), 'script.ts')]);
  executor.onFrame = ({ type }) => type === 'log' && child.kill('SIGKILL');
  const { code, frames, stderr } = await executor.request({
    ...REQUEST,
    job: { site },
    browser_ws_endpoint: endpoint,
  }).result();
  assert.equal(code, 2, stderr);
  assert.equal(outcomeOf(frames).error_type, 'browser_lost');
});

test('a name and password in an address are told to the server decoded, and to nobody else', async (t) => {
  const asked: (string | undefined)[] = [];
  const server = createServer().on('upgrade', ({ headers }: IncomingMessage, socket) => {
    asked.push(headers.authorization);
    socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  for (const path of ['devtools/browser/secret', 'secret']) {
    const browser_ws_endpoint = `ws://us%40er:w%C3%B6rd@127.0.0.1:${port}/${path}`;
    const { code, frames, stderr } = await runScript(t, 'export default () => {};', { browser_ws_endpoint });
    assert.deepEqual([code, outcomeOf(frames).error_type], [2, 'browser_error']);
    assert.match(
      outcomeOf(frames).message,
      /^no browser: the browser at 127\.0\.0\.1:\d+ does not answer: .*403/,
    );
    assert.doesNotMatch(JSON.stringify(frames) + stderr, /secret|us%40|us@|rd@/);
  }
  const expected = `Basic ${btoa('us@er:w\xc3\xb6rd')}`;
  assert.deepEqual([...new Set(asked)], [expected]);
});
