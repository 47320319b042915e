// What one run leaves in a browser that the next one uses too: nothing.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { startBroker } from './broker-process.ts';
import { runScript } from './support.ts';

/** A site with a service worker and a page that may be cached; tells how often each path was asked for. */
async function startCounting(t: TestContext): Promise<{ url: string; asked: (path: string) => number }> {
  const counts = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    counts.set(path, (counts.get(path) ?? 0) + 1);
    response.setHeader('content-type', path.endsWith('.js') ? 'text/javascript' : 'text/html');
    if (path === '/cached') response.setHeader('cache-control', 'max-age=3600');
    if (path === '/service.js') {
      response.end(
        `self.onfetch = (event) => { if (event.request.url.endsWith('/worker-only')) event.respondWith(new Response('from the worker')); };`,
      );
    } else if (path === '/worker-only') response.end('from the site');
    else response.end('<title>page</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked: (path) => counts.get(path) ?? 0 };
}

const STATE = `() => (async () => ({
  cookies: document.cookie,
  local: localStorage.getItem('k'), session: sessionStorage.getItem('k'),
  databases: (await indexedDB.databases()).map(({ name }) => name),
  caches: await caches.keys(),
  workers: (await navigator.serviceWorker.getRegistrations()).length,
  permission: (await navigator.permissions.query({ name: 'geolocation' })).state,
  answer: await (await fetch('/worker-only')).text(),
  mark: globalThis.mark,
  width: innerWidth, agent: navigator.userAgent.includes('Chrome/'),
}))()`;

const READ = `export default async ({ page, browser, job, emit }) => {
  await page.goto(job.url + '/');
  const state = await page.evaluate(${STATE});
  await page.goto(job.url + '/cached');
  await emit.item({ item_type: 'state', data: { ...state, contexts: browser.browserContexts().length } });
};`;

const WRITE = `export default async ({ page, browser, browserContext, job, emit }) => {
  await page.evaluateOnNewDocument(() => { globalThis.mark = 'left'; });
  await browserContext.overridePermissions(job.url, ['geolocation']);
  await page.setViewport({ width: 333, height: 444 });
  await page.setUserAgent('left');
  await page.setExtraHTTPHeaders({ 'x-left': 'yes' });
  await browserContext.playwright.route('**/never', (route) => route.abort());
  await page.goto(job.url + '/');
  await page.evaluate(async () => {
    document.cookie = 'k=v; max-age=3600';
    localStorage.setItem('k', 'v');
    sessionStorage.setItem('k', 'v');
    await new Promise((resolve, reject) => Object.assign(indexedDB.open('left', 1), { onsuccess: resolve, onerror: reject }));
    await (await caches.open('left')).put('/x', new Response('x'));
    await navigator.serviceWorker.register('/service.js');
    await navigator.serviceWorker.ready;
  });
  await page.reload();
  await page.goto(job.url + '/cached');
  await page.goto(job.url + '/');
  const state = await page.evaluate(${STATE});
  const other = await browser.createBrowserContext();
  await (await other.newPage()).goto(job.url + '/');
  await emit.item({ item_type: 'state', data: state });
};`;

test('a run leaves nothing to the next one in the same browser', async (t) => {
  const { url, asked } = await startCounting(t);
  const { endpoint, browsers } = await startBroker(t);
  const state = async (script: string): Promise<any> => {
    const { code, frames, stderr } = await runScript(t, script, {
      job: { url },
      browser_ws_endpoint: endpoint,
    });
    assert.equal(code, 0, stderr);
    return frames[0].payload.data;
  };
  const clean = await state(READ);
  const processes = browsers();
  const written = await state(WRITE);
  assert.deepEqual(
    [written.cookies, written.local, written.session, written.databases, written.caches, written.workers],
    ['k=v', 'v', 'v', ['left'], ['left'], 1],
  );
  assert.deepEqual(
    [written.permission, written.answer, written.mark, written.width, written.agent],
    ['granted', 'from the worker', 'left', 333, false],
  );
  const before = asked('/cached');
  const after = await state(READ);
  assert.equal(asked('/cached'), before + 1, 'the page came from the site, not from a cache');
  assert.deepEqual(after, clean);
  assert.deepEqual([after.cookies, after.local, after.workers, after.permission, after.answer], [
    '',
    null,
    0,
    clean.permission,
    'from the site',
  ]);
  assert.ok(processes.some((pid) => browsers().includes(pid)), 'it was the same browser all the time');
});
