import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { folderWith, noBrowser, REQUEST, RunningExecutor, runScript, types } from './support.ts';

test('order is the order of the calls, awaited or not, across all kinds', async (t) => {
  const { code, frames } = await runScript(
    t,
    noBrowser(`export default async ({ emit, storage }) => {
    emit.item({ item_type: 'a', data: {} });
    const id = emit.artifact({ name: 'n', content_type: 'text/plain', data: 'bytes' });
    storage.put({ filename: 'f', content_type: 't', data: '' });
    emit.checkpoint({ checkpoint_id: 'c' });
    emit.enqueue({ target: 't.ts', params: { a: 1 }, options: { lane: 'high', delay_ms: 5 } });
    emit.rotateProxy();
    emit.log({ level: 'warn', message: 'm', fields: { f: 1 } });
    for (const level of ['debug', 'info', 'warn', 'error']) emit[level](level);
    await emit.runComplete({ summary: { id: await id } });
  };`),
  );
  assert.equal(code, 0);
  assert.deepEqual(types(frames), [
    'item',
    'artifact_chunk',
    'artifact',
    'file_write',
    'checkpoint',
    'enqueue',
    'rotate_proxy',
    'log',
    'log',
    'log',
    'log',
    'log',
    'run_complete',
    'run_result',
  ]);
  const events = frames.filter((frame) => frame.seq && frame.event_id);
  assert.deepEqual(events.map(({ seq }) => seq), events.map((_, index) => index + 1));
  assert.equal(frames.at(-2)?.payload.summary.id, frames[2].payload.artifact_id);
  assert.deepEqual(frames[5].payload, {
    target: 't.ts',
    params: { a: 1 },
    options: { lane: 'high', delay_ms: 5 },
  });
  assert.deepEqual(frames[6].payload, {});
});

test('artifacts leave in chunks of 1 MiB; an empty one is one empty chunk', async (t) => {
  const { frames } = await runScript(
    t,
    noBrowser(`export default async ({ emit }) => {
    for (const size of [0, 4, 1024 * 1024, 2.25 * 1024 * 1024]) {
      await emit.artifact({ name: 'n', content_type: 'b', data: new Uint8Array(size).fill(size % 251) });
    }
  };`),
  );
  const shape = frames.filter(({ type }) => type.startsWith('artifact')).map((frame) =>
    frame.type === 'artifact'
      ? frame.payload.size_bytes
      : `${frame.seq}${frame.is_last ? '!' : ''}:${frame.data.length}`
  );
  const full = 1024 * 1024;
  assert.deepEqual(shape, [
    '1!:0',
    0,
    '1!:4',
    4,
    `1!:${full}`,
    full,
    `1:${full}`,
    `2:${full}`,
    `3!:${full / 4}`,
    2.25 * full,
  ]);
});

test('what cannot be stored is refused at emit, and the chain goes on without a gap', async (t) => {
  const { code, frames } = await runScript(
    t,
    noBrowser(`export default async ({ emit }) => {
    const loop = {}; loop.self = loop;
    const tries = [
      () => emit.item({ item_type: 'x', data: { price: NaN } }), () => emit.item({ item_type: 'x', data: loop }),
      () => emit.item({ item_type: 'x', data: { text: 'x'.repeat(10 * 1024 * 1024) } }),
      () => emit.item({ item_type: 'x', data: { text: '\\u0001'.repeat(2 * 1024 * 1024) } }),
      () => emit.item({ item_type: 'x', data: { bin: new Uint8Array(8 * 1024 * 1024) } }),
      () => emit.item({ item_type: '', data: {} }), () => emit.item({ item_type: 'x', data: [] }), () => emit.item('x'),
      () => emit.checkpoint({}), () => emit.enqueue({ target: 't.ts' }), () => emit.enqueue({ target: 't', params: {}, options: { lane: 'fast' } }),
      () => emit.enqueue({ target: 't', params: {}, options: { delay_ms: -1 } }), () => emit.log({ level: 'loud', message: '' }),
      () => emit.runComplete({ summary: 3 }), () => emit.runError({ error_type: 'x' }), () => emit.artifact({ name: 'n', content_type: 't', data: 3 }),
    ];
    const said = [];
    for (const one of tries) said.push(await one().then(() => 'taken', (error) => error.name + ' ' + error.message));
    await emit.item({ item_type: 'said', data: { said } });
  };`),
  );
  assert.equal(code, 0);
  const { seq, payload } = frames[0];
  assert.equal(seq, 1);
  const said: string[] = payload.data.said;
  for (const text of said) assert.match(text, /^PayloadError emit/);
  for (
    const [index, part] of [
      'data.price: NaN',
      'refers to itself',
      'stored line',
      'stored line',
      'stored line',
      'item_type',
      'data must be an object, not an array',
    ].entries()
  ) {
    assert.ok(said[index].includes(part), said[index]);
  }
});

test('an event close to the longest line is taken', async (t) => {
  const { frames } = await runScript(
    t,
    noBrowser(`export default ({ emit }) =>
    emit.item({ item_type: 'x', data: { text: 'x'.repeat(10 * 1024 * 1024 - 10_000) } });`),
  );
  assert.equal(frames[0].payload.data.text.length, 10 * 1024 * 1024 - 10_000);
});

test('standard output stays clean, whoever writes there', async (t) => {
  const { code, frames, stderr } = await runScript(
    t,
    noBrowser(`
    import { execFileSync, execSync } from 'node:child_process';
    import { writeSync } from 'node:fs';
    console.log('while loading');
    export default async ({ emit }) => {
      console.log('from console'); console.table([{ a: 1 }]); process.stdout.write('from write\\n');
      writeSync(1, 'from descriptor 1\\n');
      execSync('echo from a child', { stdio: 'inherit' });
      execFileSync('sh', ['-c', 'ls -l /proc/self/fd | grep -c pipe:; [ -e /proc/self/fd/3 ] && echo has-3 >&2; true'], { stdio: ['ignore', 'ignore', 'inherit'] });
      await emit.info('done');
    };`),
  );
  assert.equal(code, 0);
  assert.deepEqual(types(frames), ['log', 'run_complete', 'run_result']);
  for (const part of ['while loading', 'from console', 'from write', 'from descriptor 1', 'from a child']) {
    assert.ok(stderr.includes(part), part);
  }
  assert.equal(stderr.split('standard output belongs to frames').length, 2, 'one warning');
});

for (const [how, call] of [['awaits', 'await emit.item'], ['does not await', 'emit.item']]) {
  test(`a reader that does not read stops a script that ${how}, in little memory, and nothing is lost`, async (t) => {
    const folder = folderWith(t, {
      'script.ts': noBrowser(`export default async ({ emit }) => {
        for (let n = 0; n < 120_000; n++) ${call}({ item_type: 'x', data: { n, text: 'x'.repeat(1000) } });
      };`),
    });
    const executor = new RunningExecutor(t, [join(folder, 'script.ts')]).request(REQUEST);
    let last = 0;
    let gaps = 0;
    let resident = 0;
    executor.onFrame = ({ type, seq }) => {
      if (type !== 'item') return;
      if (seq !== last + 1) gaps++;
      last = seq;
      if (seq === 1 || seq === 60_000) hold();
    };
    const hold = (): void => {
      executor.output.pause();
      setTimeout(() => {
        const status = readFileSync(`/proc/${executor.child.pid}/status`, 'utf8');
        resident = Math.max(resident, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]));
        executor.output.resume();
      }, 300);
    };
    const { code } = await executor.result();
    assert.deepEqual([code, last, gaps], [0, 120_000, 0]);
    assert.ok(resident > 0 && resident < 200 * 1024, `${resident} KiB`);
  });
}

for (
  const [what, end] of [
    ['a script that rethrows', 'throw error;'],
    ['one that returns all the same', ''],
    ['one that throws something else', 'throw new Error("other");'],
  ]
) {
  test(`a reader that goes away, ${what}: SinkFailedError, no beforeTerminal, a crash`, async (t) => {
    const folder = folderWith(t, {
      'script.ts': noBrowser(`
      export const beforeTerminal = () => console.error('beforeTerminal');
      export const cleanup = () => console.error('cleanup');
      export default async ({ emit }) => {
        try { for (;;) await emit.item({ item_type: 'x', data: {} }); } catch (error) { console.error(error.name); ${end} }
      };`),
    });
    const executor = new RunningExecutor(t, [join(folder, 'script.ts')]).request(REQUEST);
    executor.onFrame = () => executor.output.destroy();
    const { code, stderr } = await executor.result();
    assert.equal(code, 2);
    assert.match(stderr, /SinkFailedError[^]*cleanup/);
    assert.doesNotMatch(stderr, /beforeTerminal/);
  });
}

test('a reader that goes away after the terminal event is normal', async (t) => {
  const folder = folderWith(t, {
    'script.ts': noBrowser(`
      export const cleanup = () => new Promise((resolve) => setTimeout(resolve, 200));
      export default () => {};`),
  });
  const executor = new RunningExecutor(t, [join(folder, 'script.ts')]).request(REQUEST);
  executor.onFrame = () => executor.output.destroy();
  assert.equal((await executor.result()).code, 0);
});

test('a stderr that nobody reads any more is no failure of the run', async (t) => {
  const folder = folderWith(t, {
    'script.ts': noBrowser(`
      import { existsSync } from 'node:fs';
      export default async ({ emit, job }) => {
        await emit.info('here');
        while (!existsSync(job.gone)) await new Promise((resolve) => setTimeout(resolve, 5));
        for (let line = 0; line < 3; line++) {
          console.error('to nobody');
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      };`),
  });
  const gone = join(folder, 'gone');
  const executor = new RunningExecutor(t, [join(folder, 'script.ts')]).request({ ...REQUEST, job: { gone } });
  executor.onFrame = () => {
    executor.child.stderr?.once('close', () => writeFileSync(gone, '')).destroy();
    executor.onFrame = () => {};
  };
  const { code, frames } = await executor.result();
  assert.deepEqual([code, types(frames)], [0, ['log', 'run_complete', 'run_result']]);
});

test('frames may go to a file', async (t) => {
  const folder = folderWith(t, {
    'script.ts': noBrowser(`export default ({ emit }) => emit.item({ item_type: 'x', data: {} });`),
    'request': `${JSON.stringify(REQUEST)}\n`,
  });
  const { execFileSync } = await import('node:child_process');
  const { EXECUTOR } = await import('./support.ts');
  execFileSync('sh', ['-c', `"$0" "$1"/script.ts <"$1"/request >"$1"/out`, EXECUTOR, folder]);
  const { FrameReader } = await import('../src/ipc/frame-reader.ts');
  const frames = [...new FrameReader().feed(Buffer.from(readFileSync(join(folder, 'out'))))];
  assert.deepEqual(frames.map(({ type }) => type), ['item', 'run_complete', 'run_result']);
});
