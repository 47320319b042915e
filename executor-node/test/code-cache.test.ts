import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { withCodeCache } from '../src/browser/code-cache.ts';
import { folderWith } from './support.ts';

const MODULE = `const other = require('./other.js');
module.exports = { sum: () => other.one + 1, here: __filename, self: this === exports, main: import('node:path') };`;

function modules(t: TestContext): { main: string; other: string; cache: string; load(): any } {
  const root = folderWith(t, { 'main.js': MODULE, 'other.js': 'exports.one = 1;' });
  const [main, other, cache] = ['main.js', 'other.js', 'cache'].map((name) => join(root, name));
  const require = createRequire(main);
  const load = () => {
    for (const path of [main, other]) delete require.cache[path];
    let loaded: unknown;
    withCodeCache(() => loaded = require(main), cache);
    return loaded;
  };
  return { main, other, cache, load };
}

const files = (folder: string): string[] => readdirSync(folder).sort().map((name) => join(folder, name));
const identities = (folder: string): bigint[] =>
  files(folder).map((file) => statSync(file, { bigint: true }).mtimeNs);

test('modules are kept compiled, and work as they do otherwise', async (t) => {
  const { main, cache, load } = modules(t);
  for (const loaded of [load(), load()]) {
    assert.equal(loaded.sum(), 2);
    assert.equal(loaded.here, main);
    assert.equal(loaded.self, true);
    assert.equal((await loaded.main).sep, '/');
  }
  assert.equal(files(cache).length, 2);
});

test('what is kept is used as it is; what was damaged is made anew', (t) => {
  const { cache, load } = modules(t);
  load();
  const kept = identities(cache);
  load();
  assert.deepEqual(identities(cache), kept);
  const [damaged] = files(cache);
  const bytes = readFileSync(damaged);
  writeFileSync(damaged, bytes.with(bytes.length >> 1, bytes[bytes.length >> 1] ^ 1));
  assert.equal(load().sum(), 2);
  assert.notDeepEqual(identities(cache), kept);
  const mended = identities(cache);
  load();
  assert.deepEqual(identities(cache), mended);
});

test('a module that has changed is compiled anew', (t) => {
  const { other, cache, load } = modules(t);
  load();
  writeFileSync(other, 'exports.one = 5;');
  assert.equal(load().sum(), 6);
  assert.equal(files(cache).length, 3);
});

test('modules load also where nothing can be kept, and errors name their files', (t) => {
  const { other, cache, load } = modules(t);
  writeFileSync(cache, '');
  assert.equal(load().sum(), 2);
  writeFileSync(other, `throw new Error('no');`);
  assert.throws(load, (error: Error) => error.message === 'no' && error.stack!.includes(`${other}:1`));
});
