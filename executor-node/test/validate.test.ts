import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
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

test('one that cannot', (t) => {
  const { status, answer } = validate(t, `export default async () => {\n  const a = ;\n}`);
  assert.equal(status, 1);
  assert.match((answer as { error: string }).error, /script\.ts:2: SyntaxError/);
  assert.equal((answer as { valid: boolean }).valid, false);
});
