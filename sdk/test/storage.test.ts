import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createStorageBatcher,
  escapePartitionValue,
  type StorageAPI,
  type StorageFile,
  StorageFilenameError,
  storageKey,
  validateFilename,
} from '../src/index.ts';

test('keys are escaped as one path segment', () => {
  const plain = 'AZaz09-_.~$&+:=@';
  assert.equal(escapePartitionValue(plain), plain);
  assert.equal(
    escapePartitionValue('/;,?%!\'()* "<>[]^`{|}#\\'),
    '%2F%3B%2C%3F%25%21%27%28%29%2A%20%22%3C%3E%5B%5D%5E%60%7B%7C%7D%23%5C',
  );
  assert.equal(escapePartitionValue('ž漢🐎'), '%C5%BE%E6%BC%A2%F0%9F%90%8E');
  const partition = { dataset: 'quarry', source: 'a b', category: 'c/d', day: '2026-11-24', run_id: 'r' };
  assert.equal(
    storageKey(partition, 'x y.png'),
    'datasets/quarry/partitions/source=a%20b/category=c%2Fd/day=2026-11-24/run_id=r/files/x y.png',
  );
  assert.equal(storageKey(undefined, 'x'), '');
});

test('filenames', () => {
  for (const name of ['a.png', 'ž 1', '.hidden', 'a.b.c']) validateFilename(name);
  for (const name of ['', '/', 'a/b', 'a\\b', '..', '../x', 'a..b', '.', 'a\nb', 'a\u0000', undefined, 3]) {
    assert.throws(() => validateFilename(name), StorageFilenameError, String(name));
  }
});

/** A storage whose writes end when the test says so. */
class Held implements StorageAPI {
  readonly started: string[] = [];
  readonly writes: PromiseWithResolvers<{ key: string }>[] = [];

  put(file: StorageFile): Promise<{ key: string }> {
    this.started.push(file.filename);
    const write = Promise.withResolvers<{ key: string }>();
    this.writes.push(write);
    return write.promise;
  }
}

const file = (filename: string): StorageFile => ({ filename, content_type: 't', data: '' });

test('a storage batcher keeps to its bound and can be used again', async () => {
  const storage = new Held();
  const batcher = createStorageBatcher(storage, { concurrency: 2 });
  const results = ['a', 'b', 'c'].map((name) => batcher.add(file(name)).result);
  assert.deepEqual([storage.started, batcher.pending], [['a', 'b'], 3]);
  storage.writes[0].resolve({ key: 'ka' });
  assert.deepEqual(await results[0], { key: 'ka' });
  await Promise.resolve();
  assert.deepEqual(storage.started, ['a', 'b', 'c']);
  const flushed = batcher.flush();
  storage.writes[1].resolve({ key: '' });
  storage.writes[2].resolve({ key: '' });
  await flushed;
  assert.equal(batcher.pending, 0);
  const { result } = batcher.add(file('d'));
  storage.writes[3].resolve({ key: 'kd' });
  assert.deepEqual(await result, { key: 'kd' });
  await batcher.flush();
});

test('its first error rejects what is queued, and flush; what runs ends by itself', async () => {
  const storage = new Held();
  const batcher = createStorageBatcher(storage, { concurrency: 2 });
  const [a, b, c] = ['a', 'b', 'c'].map((name) => batcher.add(file(name)).result);
  storage.writes[0].reject(new Error('full'));
  await assert.rejects(a, /full/);
  await assert.rejects(c, /full/);
  const flushed = batcher.flush();
  storage.writes[1].resolve({ key: 'kb' });
  assert.deepEqual(await b, { key: 'kb' });
  await assert.rejects(flushed, /full/);
  await assert.rejects(batcher.add(file('d')).result, /full/);
  assert.deepEqual(storage.started, ['a', 'b']);
});

test('a bad bound is a RangeError, the default is 16', () => {
  for (const concurrency of [0, -1, 1.5, Number.NaN]) {
    assert.throws(() => createStorageBatcher(new Held(), { concurrency }), RangeError);
  }
  const storage = new Held();
  const batcher = createStorageBatcher(storage);
  for (let n = 0; n < 20; n++) batcher.add(file(String(n)));
  assert.equal(storage.started.length, 16);
});
