import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { validateScript } from '../src/script/validate.ts';
import { parseArguments } from '../src/arguments.ts';
import { EXECUTOR, folderWith } from './support.ts';

function validate(t: TestContext, source: string): { status: number | null; answer: unknown } {
  const folder = folderWith(t, { 'script.ts': source });
  const { status, stdout } = spawnSync(EXECUTOR, ['--validate', join(folder, 'script.ts')], {
    encoding: 'utf8',
  });
  return { status, answer: JSON.parse(stdout) };
}

test('a script that can be loaded, with its hooks, whatever it prints', (t) => {
  const { status, answer } = validate(
    t,
    `
    console.log('loading');
    export const prepare = () => ({ action: 'continue' });
    export async function cleanup() {}
    export const helper = () => {};
    export default async () => {};`,
  );
  assert.equal(status, 0);
  assert.deepEqual(answer, { valid: true, exports: { default: true, hooks: ['prepare', 'cleanup'] } });
});

test('what is nearly a hook or a member of config is told', (t) => {
  const { status, answer } = validate(
    t,
    `
    export const befoerRun = () => {};
    export const Config = {};
    export const helper = () => {};
    export const config = { brower: false };
    export default async () => {};`,
  );
  assert.equal(status, 0);
  assert.deepEqual((answer as { warnings: string[] }).warnings, [
    'the export Config is never called or read; did you mean config?',
    'the export befoerRun is never called or read; did you mean beforeRun?',
    'config.brower is not known; there is config.browser',
  ]);
});

test('one that cannot', (t) => {
  const { status, answer } = validate(t, `export default async () => {\n  const a = ;\n}`);
  assert.equal(status, 1);
  assert.match((answer as { error: string }).error, /script\.ts:2: SyntaxError/);
  assert.equal((answer as { valid: boolean }).valid, false);
});

test('one that ends the process while it is loaded', (t) => {
  const { status, answer } = validate(t, `process.exit(0);\nexport default async () => {};`);
  assert.equal(status, 1);
  assert.match((answer as { error: string }).error, /script\.ts: it ends the process \(exit code 0\)/);
});

test('one whose top-level await never settles', (t) => {
  const { status, answer } = validate(t, `await new Promise(() => {});\nexport default async () => {};`);
  assert.equal(status, 1);
  assert.match((answer as { error: string }).error, /script\.ts: a top-level await never settles/);
});

test('one whose top-level await never settles and keeps the process awake', async (t) => {
  const folder = folderWith(t, {
    'script.ts': `const timer = setInterval(() => {}, 1000);
      globalThis.stopTestTimer = () => clearInterval(timer);
      await new Promise(() => {});
      export default async () => {};`,
  });
  const answer = await validateScript(join(folder, 'script.ts'), 10);
  (globalThis as unknown as { stopTestTimer(): void }).stopTestTimer();
  assert.match(
    (answer as { error: string }).error,
    /was not loaded within 0\.01s: a top-level await never settles/,
  );
});

test('a script may be named by its file:// address', () => {
  assert.equal(parseArguments(['file:///srv/my%20scripts/list.ts'], {}).script, '/srv/my scripts/list.ts');
});
