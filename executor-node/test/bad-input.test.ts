import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { join } from 'node:path';
import { type Ended, folderWith, outcomeOf, REQUEST, RunningExecutor, types } from './support.ts';

function load(t: TestContext, files: Record<string, string>, name = 'script.ts'): Promise<Ended> {
  return new RunningExecutor(t, [join(folderWith(t, files), name)]).request(REQUEST).result();
}

const BAD_SCRIPTS: [what: string, source: string, message: RegExp][] = [
  ['no default export', 'export const main = 1;', /script\.ts has no default export/],
  [
    'a default export that is no function',
    'export default { run() {} };',
    /the default export is a object, not a function/,
  ],
  [
    'a TypeScript syntax error',
    '\nexport default async () => {\n  const a = ;\n};',
    /script\.ts:3: SyntaxError: Expression expected/,
  ],
  [
    'an enum',
    'enum A { B }\nexport default () => {};',
    /script\.ts:1: SyntaxError: TypeScript enum is not supported.*types are stripped/,
  ],
  [
    'a hook that is no function',
    'export const cleanup = 3; export default () => {};',
    /hook cleanup is a number, not a function/,
  ],
  [
    'a config that is no object',
    'export const config = 3; export default () => {};',
    /config is a number, not an object/,
  ],
  [
    'a config.browser that is no boolean',
    'export const config = { browser: "no" }; export default () => {};',
    /config\.browser must be true or false/,
  ],
  ['a throw while it loads', '\nthrow new Error("top");', /script\.ts:2: Error: top/],
  [
    'a package that is not there',
    'import x from "not-installed"; export default x;',
    /Cannot find package 'not-installed'.*--resolve-from/,
  ],
  [
    'a type imported as a value',
    'import { Shape } from "./shapes.ts"; export default () => {};',
    /script\.ts:1: .*does not provide an export named 'Shape'.*import type/,
  ],
];

for (const [what, source, message] of BAD_SCRIPTS) {
  test(`a script with ${what}: exit 2 and the reason`, async (t) => {
    const { code, frames, stderr } = await load(t, {
      'script.ts': source,
      'shapes.ts': 'export type Shape = 1;',
    });
    assert.equal(code, 2);
    assert.deepEqual(types(frames), ['run_result']);
    assert.deepEqual([outcomeOf(frames).status, outcomeOf(frames).error_type], [
      'crash',
      'script_load_error',
    ]);
    assert.match(outcomeOf(frames).message, message);
    assert.match(stderr, message);
  });
}

test('a JavaScript syntax error, also in a module that the script imports, is found by file and line', async (t) => {
  const own = await load(
    t,
    { 'script.mjs': 'const fine = 1;\nexport default () => { const a = ; };' },
    'script.mjs',
  );
  assert.match(outcomeOf(own.frames).message, /script\.mjs:2: SyntaxError/);
  const other = await load(t, {
    'script.ts': 'import "./part.mjs"; export default () => {};',
    'part.mjs': '\n\n)',
  });
  assert.match(outcomeOf(other.frames).message, /part\.mjs:3: SyntaxError/);
});

test('a script that is not there, and one that is a folder', async (t) => {
  const missing = await load(t, {}, 'nowhere.ts');
  assert.match(outcomeOf(missing.frames).message, /there is no script at .*nowhere\.ts/);
  const folder = await load(t, { 'folder/a': '' }, 'folder');
  assert.deepEqual([folder.code, /is not a file/.test(folder.stderr)], [2, true]);
});

const FINE = { 'script.ts': 'export const config = { browser: false }; export default () => {};' };

test('a bad request line: exit 3, no frame', async (t) => {
  for (const line of ['not json\n', '{"run_id":"r"}\n', '']) {
    const script = join(folderWith(t, FINE), 'script.ts');
    const { code, frames, stderr } = await new RunningExecutor(t, [script]).send(line).end().result();
    assert.deepEqual([code, frames], [3, []]);
    assert.match(stderr, /^quarry-executor: .+/);
  }
});

test('a bad command line: exit 3 and how to use it', async (t) => {
  for (const args of [[], ['--validate'], ['--valdate', 'x.ts'], ['a.ts', 'b.ts'], ['--resolve-from']]) {
    const { code, stderr } = await new RunningExecutor(t, args).end().result();
    assert.equal(code, 3, args.join(' '));
    assert.match(stderr, /usage: quarry-executor/);
  }
});
