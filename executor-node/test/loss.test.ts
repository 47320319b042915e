// How long a browser is asked for the reason of a failure, over one that is only said to be.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test, type TestContext } from 'node:test';
import { LossWatch } from '../src/browser/loss.ts';

const ABORTED = new Error('page.goto: net::ERR_ABORTED');
const SILENT = (): Promise<never> => new Promise(() => {});

function watch(t: TestContext, askBrowser: () => Promise<unknown>) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const browser = Object.assign(new EventEmitter(), { close: async () => {} });
  const losses: string[] = [];
  const loss = new LossWatch(browser, { askBrowser, onLoss: (reason) => losses.push(reason) });
  return { browser, loss, losses };
}

/** Whether a promise has settled after all that can happen without time. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true);
  await new Promise((resume) => setImmediate(resume));
  return settled;
}

test('a browser that takes seconds to end is waited for', async (t) => {
  const { browser, loss, losses } = watch(t, SILENT);
  const reason = loss.behind(ABORTED);
  await isSettled(reason);
  t.mock.timers.tick(5_000);
  await isSettled(reason);
  t.mock.timers.tick(4_999);
  assert.equal(await isSettled(reason), false);
  browser.emit('disconnected');
  assert.equal(await reason, 'the browser ended in the middle of the run');
  assert.equal(losses.length, 1);
});

test('a browser that neither answers nor ends hangs, and is as good as gone', async (t) => {
  const { loss, losses } = watch(t, SILENT);
  const reason = loss.behind(ABORTED);
  await isSettled(reason);
  // A process that stood still hears first of its timer, and then of the answer.
  t.mock.timers.tick(10_000);
  assert.equal(await isSettled(reason), false);
  t.mock.timers.tick(5_000);
  assert.ok(await isSettled(reason));
  assert.equal(await reason, 'the browser hangs: it has not answered for 10 s');
  assert.deepEqual([losses, loss.isLost], [[await reason], true]);
});

test('a page that hangs in a browser that answers is waited for two seconds', async (t) => {
  const { loss, losses } = watch(t, async () => {});
  const page = Object.assign(new EventEmitter(), { isClosed: () => false, evaluate: SILENT });
  loss.watchPage(page, 'crash');
  const reason = loss.behind(ABORTED);
  await isSettled(reason);
  t.mock.timers.tick(2_000);
  assert.ok(await isSettled(reason));
  assert.deepEqual([await reason, losses], [undefined, []]);
});

const REFUSALS: [what: string, message: string, closes: boolean][] = [
  ['does not let itself be asked', 'Protocol error: Method not found', false],
  ['is closed by the script meanwhile', 'Target page, context or browser has been closed', true],
];
for (const [what, message, closes] of REFUSALS) {
  test(`a browser that ${what} holds nothing up`, async (t) => {
    const { browser, loss, losses } = watch(t, async () => {
      if (closes) await browser.close();
      throw new Error(message);
    });
    const reason = loss.behind(ABORTED);
    assert.ok(await isSettled(reason));
    assert.deepEqual([await reason, losses], [undefined, []]);
  });
}
