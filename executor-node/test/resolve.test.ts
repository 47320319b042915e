import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { loadDriver } from '../src/browser/driver.ts';
import { type Ended, folderWith, noBrowser, outcomeOf, REQUEST, RunningExecutor } from './support.ts';

const json = (value: object): string => JSON.stringify(value);

/** A workspace as npm lays one out: its packages are links in node_modules, and one of them is TypeScript. */
function workspace(t: TestContext): string {
  const root = folderWith(t, {
    'package.json': json({ private: true, workspaces: ['packages/*'] }),
    'packages/shared/package.json': json({
      name: '@acme/shared',
      type: 'module',
      exports: { '.': './src/index.ts', './prices': { import: './src/prices.ts', require: './none.cjs' } },
    }),
    'packages/shared/src/index.ts': `export { plain } from 'plain'; export const shared: string = 'shared';`,
    'packages/shared/src/prices.ts': `export const price: number = 7;`,
    'packages/shared/src/hidden.ts': `export const hidden = 1;`,
    'node_modules/plain/package.json': json({ name: 'plain', main: './main.js' }),
    'node_modules/plain/main.js': `exports.plain = 'plain of the workspace';`,
  });
  mkdirSync(join(root, 'node_modules/@acme'));
  symlinkSync('../../packages/shared', join(root, 'node_modules/@acme/shared'), 'dir');
  return root;
}

const SCRIPT = noBrowser(`
  import { shared, plain as theirs } from '@acme/shared';
  import { price } from '@acme/shared/prices';
  import { plain } from 'plain';
  export default ({ emit }) => emit.item({ item_type: 'x', data: { shared, theirs, price, plain } });`);

const run = (
  t: TestContext,
  script: string,
  options: string[] = [],
  environment: Record<string, string> = {},
): Promise<Ended> => new RunningExecutor(t, [...options, script], environment).request(REQUEST).result();

test('a script elsewhere imports what a workspace has: links, exports maps, TypeScript, CommonJS', async (t) => {
  const root = workspace(t);
  const script = join(folderWith(t, { 'script.ts': SCRIPT }), 'script.ts');
  const expected = {
    shared: 'shared',
    theirs: 'plain of the workspace',
    price: 7,
    plain: 'plain of the workspace',
  };
  for (
    const { code, frames, stderr } of [
      await run(t, script, ['--resolve-from', root]),
      await run(t, script, [], { QUARRY_RESOLVE_FROM: root }),
      await run(t, script, ['--resolve-from', join(root, 'packages')]),
    ]
  ) {
    assert.equal(code, 0, stderr);
    assert.deepEqual(frames[0].payload.data, expected);
  }
});

test('what lies beside the script wins', async (t) => {
  const root = workspace(t);
  const folder = folderWith(t, {
    'script.ts': SCRIPT,
    'node_modules/plain/package.json': json({ name: 'plain', main: './main.js' }),
    'node_modules/plain/main.js': `exports.plain = 'plain of the script';`,
  });
  const { frames } = await run(t, join(folder, 'script.ts'), ['--resolve-from', root]);
  const { plain, theirs } = frames[0].payload.data;
  assert.deepEqual([plain, theirs], ['plain of the script', 'plain of the workspace']);
});

test('what an exports map does not show stays hidden, and the error names the importing script', async (t) => {
  const root = workspace(t);
  const load = async (source: string): Promise<string> => {
    const script = join(folderWith(t, { 'script.ts': `${source}\nexport default () => {};` }), 'script.ts');
    return outcomeOf((await run(t, script, ['--resolve-from', root])).frames).message;
  };
  assert.match(await load(`import '@acme/shared/src/hidden.ts';`), /script\.ts/);
  assert.match(await load(`import 'nowhere';`), /Cannot find package 'nowhere' imported from .*script\.ts/);
});

test("the SDK is the executor's own, also where another copy is installed", async (t) => {
  const folder = folderWith(t, {
    'script.ts': noBrowser(`
      import { createBatcher, TerminalEventError, VERSION } from '@quarry/sdk';
      export default async ({ emit }) => {
        const batcher = createBatcher(emit, { size: 2, target: 'next.ts' });
        await batcher.add(1);
        await batcher.flush();
        await emit.runComplete({ summary: { version: VERSION } });
        const late = await emit.info('late').catch((error) => error);
        console.error('own class:', late instanceof TerminalEventError);
      };`),
    'node_modules/@quarry/sdk/package.json': json({ name: '@quarry/sdk', exports: './index.ts' }),
    'node_modules/@quarry/sdk/index.ts': `throw new Error('another copy');`,
  });
  const { code, frames, stderr } = await run(t, join(folder, 'script.ts'));
  assert.equal(code, 0, stderr);
  assert.deepEqual(frames[0].payload.params, { items: [1] });
  assert.equal(frames[1].payload.summary.version, frames[1].contract_version);
  assert.match(stderr, /own class: true/);
});

test('a Puppeteer of the user that is none is named by its place', async (t) => {
  for (const [text, why] of [['throw new Error("broken")', 'broken'], ['', 'it has no launch()']]) {
    const folder = folderWith(t, {
      's.ts': '',
      'node_modules/puppeteer-core/package.json': '{ "main": "main.js" }',
      'node_modules/puppeteer-core/main.js': text,
    });
    const place = join(folder, 'node_modules/puppeteer-core/main.js');
    await assert.rejects(loadDriver(join(folder, 's.ts')), {
      message:
        `your own ${place} cannot be used (${why}): install it anew, or remove it to use the embedded driver`,
    });
  }
});
