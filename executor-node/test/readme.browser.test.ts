import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runScript, types } from './support.ts';
import { startSite } from './site.ts';

const guide = readFileSync(join(import.meta.dirname ?? '.', '../../sdk/README.md'), 'utf8');
const example = /```ts\n(.*?)```/s.exec(guide)?.[1] ?? '';

test("the guide's example runs as it stands", async (t) => {
  const site = await startSite(t);
  const { code, frames } = await runScript(t, example, { job: { url: `${site}/` } });
  assert.equal(code, 0);
  assert.deepEqual(types(frames), [
    'item',
    'file_write',
    'log',
    'artifact_chunk',
    'artifact',
    'run_complete',
    'run_result',
  ]);
  assert.deepEqual(frames[0].payload.data, { url: `${site}/`, title: 'T', links: 1 });
});

test('and skips what it says', async (t) => {
  const { frames } = await runScript(t, example, { job: { url: 'https://shop.test/a.pdf' } });
  assert.deepEqual(frames[0].payload, { summary: { skipped: true, reason: 'not a page' } });
});
