import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { folderWith, noBrowser, REQUEST, RunningExecutor, runScript, types } from './support.ts';

const STORAGE = { dataset: 'quarry', source: 'my shop', category: 'a/b', day: '2026-11-24', run_id: 'run-1' };
const PUT = `storage.put({ filename: 'a.txt', content_type: 'text/plain', data: 'hello' })`;

function start(t: TestContext, body: string): RunningExecutor {
  const folder = folderWith(t, {
    'script.ts': noBrowser(`export default async ({ emit, storage }) => { ${body} };`),
  });
  return new RunningExecutor(t, [join(folder, 'script.ts')]).request({ ...REQUEST, storage: STORAGE });
}

const message = (executor: RunningExecutor): string | undefined =>
  executor.frames.find(({ type }) => type === 'log')?.payload.message;

test('an ack resolves the write, with the key', async (t) => {
  const executor = start(t, `const { key } = await ${PUT}; await emit.info(key);`);
  executor.onFrame = ({ type, write_id }) =>
    type === 'file_write' && executor.ack({ write_id, ok: true, error: null });
  const { code, frames } = await executor.result();
  assert.equal(code, 0);
  assert.deepEqual({ ...frames[0], data: String(frames[0].data) }, {
    type: 'file_write',
    write_id: 1,
    filename: 'a.txt',
    content_type: 'text/plain',
    data: 'hello',
  });
  assert.equal(
    message(executor),
    'datasets/quarry/partitions/source=my%20shop/category=a%2Fb/day=2026-11-24/run_id=run-1/files/a.txt',
  );
  assert.equal(frames.find(({ type }) => type === 'log')?.seq, 1, 'files have no seq');
});

test('a refusal rejects that write alone; the run goes on', async (t) => {
  const executor = start(
    t,
    `await ${PUT}.catch((e) => emit.info(e.name + ': ' + e.message)); await emit.item({ item_type: 'x', data: {} });`,
  );
  executor.onFrame = ({ type, write_id }) =>
    type === 'file_write' && executor.ack({ write_id, ok: false, error: 'disk full' });
  const { code, frames } = await executor.result();
  assert.equal(code, 0);
  assert.equal(message(executor), 'StorageWriteError: a.txt was not stored: disk full');
  assert.deepEqual(types(frames), ['file_write', 'log', 'item', 'run_complete', 'run_result']);
});

test('a refusal that nobody looks at fails the run', async (t) => {
  const executor = start(t, `${PUT};`);
  executor.onFrame = ({ type, write_id }) =>
    type === 'file_write' && executor.ack({ write_id, ok: false, error: 'disk full' });
  assert.equal((await executor.result()).code, 1);
});

test('writes that nobody awaits are waited for before the end, and acks may come in any order', async (t) => {
  const executor = start(
    t,
    `for (const n of [1, 2, 3]) storage.put({ filename: n + '.txt', content_type: 'text/plain', data: '' });`,
  );
  executor.onFrame = ({ type, write_id }) => {
    if (type === 'file_write' && write_id === 3) {
      for (const id of [3, 99, 1, 2]) executor.ack({ write_id: id, ok: true });
    }
  };
  assert.deepEqual(types((await executor.result()).frames), [
    'file_write',
    'file_write',
    'file_write',
    'run_complete',
    'run_result',
  ]);
});

test('end of file without any ack: the runtime does not know them, writes resolve', async (t) => {
  const executor = start(t, `await ${PUT}; await ${PUT}; await emit.info('both');`);
  executor.onFrame = ({ type }) => type === 'file_write' && executor.end();
  await executor.result();
  assert.equal(message(executor), 'both');
});

test('end of file after an ack: what is pending rejects', async (t) => {
  const executor = start(t, `await ${PUT}; await ${PUT}.catch((e) => emit.info(e.message));`);
  executor.onFrame = ({ type, write_id }) => {
    if (type === 'file_write' && write_id === 1) executor.ack({ write_id, ok: true });
    if (type === 'file_write' && write_id === 2) executor.end();
  };
  await executor.result();
  assert.match(message(executor) ?? '', /ended its acks/);
});

test('frames that are no acks are ignored, garbage rejects what is pending', async (t) => {
  const executor = start(t, `await ${PUT}.catch((e) => emit.info(e.message));`);
  executor.onFrame = ({ type }) => {
    if (type === 'file_write') executor.ack({ type: 'later_version' }).send('garbage that is no frame');
  };
  await executor.result();
  assert.match(message(executor) ?? '', /acks cannot be read/);
});

test('what is wrong is refused before anything is sent', async (t) => {
  const { frames } = await runScript(
    t,
    noBrowser(`export default async ({ emit, storage }) => {
    const tries = [['', ''], ['a/b', ''], ['a\\\\b', ''], ['..', ''], ['a..b', ''], ['a\\u0000', ''], [3, ''], ['a', 3], ['a', new Uint8Array(8 * 1024 * 1024 + 1)]];
    for (const [filename, data] of tries) {
      await emit.info(await storage.put({ filename, data, content_type: 'text/plain' }).then(() => 'stored', (e) => e.name));
    }
    await emit.info(await storage.put({ filename: 'a', data: '' }).catch((e) => e.name));
    await emit.info((await storage.put({ filename: 'a', content_type: 't', data: new Uint8Array(8 * 1024 * 1024) })).key);
    await emit.runComplete();
    console.error(await ${PUT}.catch((e) => e.message));
  };`),
  );
  const name = 'StorageFilenameError';
  assert.deepEqual(frames.filter(({ type }) => type === 'log').map(({ payload }) => payload.message), [
    name,
    name,
    name,
    name,
    name,
    name,
    name,
    'TypeError',
    'RangeError',
    'TypeError',
    '',
  ]);
});

test('after the terminal event nothing is sent', async (t) => {
  const { stderr, frames } = await runScript(
    t,
    noBrowser(`
    export const cleanup = async ({ storage }) => console.error(await ${PUT}.catch((e) => e.message));
    export default () => {};`),
  );
  assert.deepEqual(types(frames), ['run_complete', 'run_result']);
  assert.match(stderr, /a\.txt was not stored: run already terminated/);
});
