import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startSite } from './site.ts';
import { type Ended, folderWith, REQUEST, RunningExecutor, types } from './support.ts';

// docs/guides/emit.md: every script in it, as it stands there.
const guide = readFileSync(join(import.meta.dirname ?? '.', '../../docs/guides/emit.md'), 'utf8');
const blocks = [...guide.matchAll(/```ts\n\/\/ (\S+)\n(.*?)```/gs)].map(([, name, code]) => [name, code]);
const scripts: Record<string, string> = Object.fromEntries(blocks);

function run(t: TestContext, name: string, job: object): Promise<Ended> {
  const executor = new RunningExecutor(t, [join(folderWith(t, scripts), name)]);
  executor.onFrame = (frame) => {
    if (frame.type === 'file_write') executor.ack({ write_id: frame.write_id, ok: true });
  };
  return executor.request({ ...REQUEST, job }).result();
}

/** Runs one to its end and answers its frames. */
async function frames(t: TestContext, name: string, job: object): Promise<Ended['frames']> {
  const { code, frames, stderr } = await run(t, name, job);
  assert.equal(code, 0, stderr);
  return frames;
}

test('every snippet is a named script, and each is run here', () => {
  assert.equal(guide.match(/```ts/g)?.length, blocks.length);
  assert.deepEqual(Object.keys(scripts), [
    'title.ts',
    'api.ts',
    'list.ts',
    'details.ts',
    'hooks.ts',
    'many.ts',
  ]);
});

test('title.ts', async (t) => {
  const site = await startSite(t);
  const [item] = await frames(t, 'title.ts', { url: `${site}/` });
  assert.deepEqual(item.payload.data, { url: `${site}/`, title: 'T' });
  const { code, frames: failed } = await run(t, 'title.ts', { url: `${site}/nowhere` });
  assert.equal(code, 1);
  assert.match(failed[0].payload.message, /nowhere answered 404/);
});

test('api.ts', async (t) => {
  const url = `data:application/json,${encodeURIComponent('[{"id":1,"name":"a"},{"id":2,"name":"b"}]')}`;
  assert.deepEqual(types(await frames(t, 'api.ts', { url })), ['item', 'item', 'run_complete', 'run_result']);
});

test('list.ts and details.ts, which gets what the first has enqueued', async (t) => {
  const site = await startSite(t);
  const [enqueue] = await frames(t, 'list.ts', { url: `${site}/` });
  const { target, params, category } = enqueue.payload;
  assert.deepEqual([target, params, category], ['details.ts', { items: [`${site}/next`] }, 'detail']);
  const detail = await frames(t, target, params);
  assert.deepEqual(types(detail), ['file_write', 'item', 'log', 'run_complete', 'run_result']);
  const { code, frames: refused } = await run(t, target, { items: [`${site}/limited`] });
  assert.deepEqual([code, refused[0].payload.error_type], [1, 'blocked']);
});

test('hooks.ts', async (t) => {
  const site = await startSite(t);
  const good = await frames(t, 'hooks.ts', { url: `${site}/` });
  assert.deepEqual(types(good), ['item', 'run_complete', 'run_result']);
  assert.deepEqual(good[1].payload, { summary: { pages: 1 } });
  const skipped = await frames(t, 'hooks.ts', { url: '', seen: true });
  assert.deepEqual(skipped[0].payload.summary, { skipped: true, reason: 'seen before' });
  const failed = await run(t, 'hooks.ts', { url: 'http://127.0.0.1:1/' });
  assert.deepEqual(types(failed.frames), ['log', 'artifact_chunk', 'artifact', 'run_error', 'run_result']);
});

test('many.ts', async (t) => {
  const all = types(await frames(t, 'many.ts', { count: 100 }));
  assert.equal(all.filter((type) => type === 'file_write').length, 100);
  assert.deepEqual(all.slice(-5), ['artifact_chunk', 'artifact', 'checkpoint', 'run_complete', 'run_result']);
});

test("messages that the guide explains are the executor's", async (t) => {
  const folder = folderWith(t, {
    'waits.ts': 'export const config = { browser: false }; export default () => new Promise(() => {});',
    'nan.ts':
      'export const config = { browser: false }; export default ({ emit }) => emit.item({ item_type: "x", data: { price: NaN } });',
    'exits.ts': 'export const config = { browser: false }; export default () => process.exit(0);',
    'prints.ts': 'export const config = { browser: false }; export default () => console.log("x");',
  });
  for (
    const [name, message] of [
      ['waits.ts', 'the script waits for something that can no longer happen'],
      ['nan.ts', 'emit item: data.price: NaN is not a number that JSON can hold'],
      ['exits.ts', 'a script must not call process.exit'],
      ['prints.ts', 'standard output belongs to frames'],
    ]
  ) {
    assert.ok(guide.includes(message), `the guide says: ${message}`);
    const { frames, stderr } = await new RunningExecutor(t, [join(folder, name)]).request(REQUEST).result();
    assert.ok(
      stderr.includes(message) || frames[0]?.payload?.message?.includes(message),
      `${name}: ${stderr}`,
    );
  }
});
