// Runs with pages, one after the other in one executor, over a browser that runs already.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { folderWith, type Frame, ServingExecutor, types } from './support.ts';
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
    assert.deepEqual(types(frames), ['run_error', 'run_result', 'run_end']);
    assert.equal(frames[0].payload.message, 'from 200');
  }
});
