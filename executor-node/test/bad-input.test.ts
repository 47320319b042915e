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
    /the default export is an object, not a function/,
  ],
  [
    'a TypeScript syntax error',
    '\nexport default async () => {\n  const a = ;\n};',
    /script\.ts:3: SyntaxError: Expression expected/,
  ],
  [
    'an enum',
    'enum A { B }\nexport default () => {};',
    /script\.ts:1: SyntaxError: TypeScript enum is not supported.*types are stripped.*write const Color/,
  ],
  [
    'a namespace',
    '\nnamespace A { export const b = 1 }\nexport default () => A.b;',
    /script\.ts:2: .*instead of a namespace write a module of its own/,
  ],
  [
    'a parameter property',
    'class A { constructor(private x: number) {} }\nexport default () => new A(1);',
    /script\.ts:1: .*declare the field and assign it in the constructor/,
  ],
  [
    'JSON imported as a module',
    'import data from "./data.json"; export default () => data;',
    /script\.ts: .*write import … from '…\/data\.json' with \{ type: 'json' \}/,
  ],
  [
    'an import without the ending of its file',
    'import { x } from "./parts/part"; export default () => x;',
    /Cannot find module .*imported from .*script\.ts \(a relative import names the whole file: …\/part\.ts\)/,
  ],
  [
    'an import with the ending of the compiled form',
    'import { x } from "./parts/part.js"; export default () => x;',
    /names the whole file: …\/part\.ts\)/,
  ],
  [
    'an import of a folder',
    'import { x } from "./parts"; export default () => x;',
    /names the whole file: …\/parts\/index\.ts\)/,
  ],
  [
    'an import of a file that is not there',
    'import { x } from "./nothing.ts"; export default () => x;',
    /Cannot find module '.*nothing\.ts' imported from .*script\.ts$/m,
  ],
  [
    'require',
    'const fs = require("node:fs");\nexport default () => fs;',
    /script\.ts:1: ReferenceError: require is not defined.*write import … from '…'/,
  ],
  [
    'module.exports beside an import',
    'import "node:fs";\nmodule.exports = async () => {};',
    /script\.ts:2: ReferenceError: module is not defined.*write export default async/,
  ],
  [
    'the form of CommonJS',
    'module.exports = async () => {};',
    /script\.ts is CommonJS; a script is an ES module: write 'export default async/,
  ],
  ['exports of CommonJS', 'exports.default = async () => {};', /script\.ts is CommonJS/],
  ['nothing in it', '', /script\.ts has no default export/],
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
      'data.json': '{}',
      'parts/part.ts': 'export const x = 1;',
      'parts/index.ts': 'export const x = 1;',
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

test('a package.json that says commonjs, and a file that is no script', async (t) => {
  const files = {
    'package.json': '{"type":"commonjs"}',
    'script.ts': 'import "node:fs"; export default () => {};',
    'script.js': 'export default () => {};',
    'script.mts': 'export const config = { browser: false }; export default () => {};',
    'script.tsx': 'export default () => {};',
  };
  for (const name of ['script.ts', 'script.js']) {
    const { code, frames } = await load(t, files, name);
    assert.equal(code, 2);
    assert.match(outcomeOf(frames).message, /says "type": "commonjs": write "type": "module" there/);
  }
  assert.equal((await load(t, files, 'script.mts')).code, 0);
  assert.match(outcomeOf((await load(t, files, 'script.tsx')).frames).message, /a script is a \.ts, \.mts/);
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
