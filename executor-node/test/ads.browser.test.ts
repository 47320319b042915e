// Advertisements: let through by default, blocked with QUARRY_ADBLOCKER=1.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { runScript } from './support.ts';

const SCRIPT = `export default async ({ page, emit }) => {
  const failures = {};
  page.on('requestfailed', (request) => failures[new URL(request.url()).hostname] = request.failure().errorText);
  await page.goto('data:text/html,<title>page</title>');
  await page.evaluate(() => Promise.all(['ads.doubleclick.net', 'doubleclick.net', 'notdoubleclick.net'].map((host) => fetch('https://' + host + '/x').catch(() => {}))));
  await emit.item({ item_type: 'x', data: failures });
};`;

/** Nothing leaves the machine: the run's proxy is a port of loopback on which nobody listens. */
async function failures(
  t: TestContext,
  environment: Record<string, string>,
): Promise<Record<string, string>> {
  const proxy = { protocol: 'http', host: '127.0.0.1', port: 9 };
  const { code, frames, stderr } = await runScript(t, SCRIPT, { proxy }, environment);
  assert.equal(code, 0, stderr);
  return frames[0].payload.data;
}

const BLOCKED = /BLOCKED_BY_CLIENT/;
const TRIED = /PROXY_CONNECTION_FAILED/;

test('advertising hosts are blocked with QUARRY_ADBLOCKER=1, and only they', async (t) => {
  const reasons = await failures(t, { QUARRY_ADBLOCKER: '1' });
  assert.match(reasons['ads.doubleclick.net'], BLOCKED);
  assert.match(reasons['doubleclick.net'], BLOCKED);
  assert.match(reasons['notdoubleclick.net'], TRIED);
});

test('nothing is blocked by default', async (t) => {
  const reasons = await failures(t, {});
  for (const host of ['ads.doubleclick.net', 'doubleclick.net', 'notdoubleclick.net']) {
    assert.match(reasons[host], TRIED, host);
  }
});
