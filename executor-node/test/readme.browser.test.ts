import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { noBrowser, runScript, types } from './support.ts';
import { startSite } from './site.ts';

const ROOT = join(import.meta.dirname ?? '.', '../..');
const guide = readFileSync(join(ROOT, 'sdk/README.md'), 'utf8');
const blocks = [...guide.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
const [example, hooked] = blocks;

/** First cells of the rows of a table, given the text of its head's first cell. */
function rows(head: string): string[] {
  const table = guide.slice(guide.indexOf(`| ${head}`)).split('\n\n')[0].split('\n').slice(2);
  return table.map((line) => line.split(' | ')[0].replace(/^\| /, '').trim());
}

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

test('no snippet is left out here', () => assert.equal(blocks.length, 2));

test("the example of hooks: each in its turn, and the browser's objects are not touched", async (t) => {
  const { code, frames } = await runScript(t, hooked, { job: { ids: [1, 2, 3] } });
  assert.equal(code, 0);
  assert.deepEqual(frames.map(({ type, payload }) => payload?.message ?? type), [
    'begins',
    'enqueue',
    'enqueue',
    'file_write',
    'file_write',
    'file_write',
    'pressure',
    'run_complete',
    'run_result',
  ]);
  assert.deepEqual(
    frames.filter(({ type }) => type === 'enqueue').map(({ payload }) => payload.params.items),
    [[{ id: 1 }, { id: 2 }], [{ id: 3 }]],
  );
  assert.deepEqual(frames.at(-2)?.payload, { summary: { kept: 3, outcome: 'completed' } });
  const skipped = await runScript(t, hooked, { job: { ids: [] } });
  assert.deepEqual(skipped.frames[0].payload, { summary: { skipped: true, reason: 'nothing to do' } });
});

test('the table of calls names every call of emit, and no other', async (t) => {
  const { frames } = await runScript(
    t,
    noBrowser(
      `export default ({ emit }) => emit.item({ item_type: 'x', data: { names: Object.keys(emit) } });`,
    ),
  );
  const named = rows('call').flatMap((cell) => [...cell.matchAll(/`(\w+)(?:\(|`)/g)].map(([, name]) => name));
  assert.deepEqual(named.sort(), frames[0].payload.data.names.sort());
});

/** What each row of the table of values says, tried. */
const VALUES: Record<string, [source: string, stored: unknown]> = {
  '`undefined`': ['{ a: undefined, list: [undefined] }', { list: [null] }],
  '`Date`, `URL`, whatever has `toJSON`': [
    `[new Date(0), new URL('https://a.test/'), { toJSON: () => 3 }]`,
    ['1970-01-01T00:00:00.000Z', 'https://a.test/', 3],
  ],
  '`Map` with string keys, `Set`, typed arrays of numbers': [
    `[new Map([['k', 1]]), new Set([1]), new Float64Array([1.5])]`,
    [{ k: 1 }, [1], [1.5]],
  ],
  '`Uint8Array`, `Buffer`, `ArrayBuffer`, `DataView`': [
    `[new Uint8Array([1]), Buffer.from([1]), new Uint8Array([1]).buffer, new DataView(new Uint8Array([1]).buffer)]`,
    Array(4).fill(Buffer.from([1])),
  ],
  '`bigint` of 64 bits': ['2n ** 64n - 1n', 2n ** 64n - 1n],
  '`Error`': [
    `Object.assign(new RangeError('far'), { stack: 's', code: 'E' })`,
    { code: 'E', name: 'RangeError', message: 'far', stack: 's' },
  ],
  'an object of a class': ['new (class { a = 1; #b = 2; get c() { return 3; } })()', { a: 1 }],
  'half a surrogate pair in a string': [`'\\ud800'`, '\ufffd'],
};

/** What the row of refused values names, tried. */
const REFUSED = [
  'NaN',
  'Infinity',
  '2n ** 64n',
  'new Date(NaN)',
  '() => 1',
  `Symbol('s')`,
  'Promise.resolve(1)',
  '/x/',
  'new Map([[1, 2]])',
  '(() => { const loop = {}; loop.self = loop; return loop; })()',
];

test('the table of values says what becomes of each', async (t) => {
  const table = rows('in `data`');
  assert.deepEqual(table.slice(0, -2), Object.keys(VALUES));
  const emits = Object.values(VALUES).map(([source]) =>
    `await emit.item({ item_type: 'x', data: { v: ${source} } });`
  );
  const refused = REFUSED.map((source) =>
    `await emit.item({ item_type: 'x', data: { v: ${source} } }).catch((error) => emit.info(error.name + error.message));`
  );
  const { code, frames, stderr } = await runScript(
    t,
    noBrowser(`export default async ({ emit }) => { ${emits.join('\n')} ${refused.join('\n')} };`),
  );
  assert.equal(code, 0, stderr);
  const stored = frames.filter(({ type }) => type === 'item').map(({ payload }) => payload.data.v);
  assert.deepEqual(stored, Object.values(VALUES).map(([, value]) => value));
  const messages = frames.filter(({ type }) => type === 'log').map(({ payload }) => payload.message);
  assert.equal(messages.length, REFUSED.length);
  for (const message of messages) assert.match(message, /^PayloadErroremit item: data\.v/);
});

test('every environment variable that the guide names is read', () => {
  const sources = globSync(join(ROOT, 'executor-node/src/**/*.ts')).map((path) => readFileSync(path, 'utf8'))
    .join();
  const named = new Set(guide.match(/QUARRY_[A-Z_]+/g));
  assert.ok(named.size >= 4);
  for (const name of named) assert.ok(sources.includes(name), name);
});
