// Browsers that are killed in the middle of a run.
import assert from 'node:assert/strict';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { markedProcesses, startBroker } from './broker-process.ts';
import { type Ended, folderWith, outcomeOf, REQUEST, RunningExecutor, runScript } from './support.ts';
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

test('a page whose process dies crashes the run that failed on it', async (t) => {
  const script = `export default async ({ page }) => {
    const session = await page.createCDPSession();
    session.send('Page.crash').catch(() => {});
    await page.waitForSelector('#never', { timeout: 600_000 });
  };`;
  const { code, frames, stderr } = await runScript(t, script);
  assert.equal(code, 2, stderr);
  assert.deepEqual(outcomeOf(frames).error_type, 'browser_lost');
  assert.match(outcomeOf(frames).message, /the page crashed/);
});
