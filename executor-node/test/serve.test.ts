import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSite } from './site.ts';
import {
  folderWith,
  type Frame,
  noBrowser,
  outcomeOf,
  REQUEST,
  RunningExecutor,
  ServingExecutor,
  types,
} from './support.ts';

/** `left_behind` of a run's end. */
const left = (frames: Frame[]): string | undefined => frames.at(-1)?.left_behind;

const messages = (frames: Frame[]): unknown[] =>
  frames.filter(({ type }) => type === 'log').map(({ payload }) => payload.message);

test('one process serves run after run, each with its own events, and ends with its input', async (t) => {
  const folder = folderWith(t, {
    'one.ts': noBrowser(`export default async ({ emit, run, job }: any) => emit.info(run.run_id + job.n);`),
    'two.ts': noBrowser(`export default async ({ storage }: any) => {
      await storage.put({ filename: 'a', content_type: 'b', data: 'c' });
      throw new TypeError('no price');
    };`),
  });
  const executor = new ServingExecutor(t);
  const first = await executor.serve(join(folder, 'one.ts'), { run_id: 'r1', job: { n: 1 } });
  assert.deepEqual(types(first), ['run_begin', 'log', 'run_complete', 'run_result', 'run_end']);
  assert.deepEqual(messages(first), ['r11']);
  assert.deepEqual(first.at(-1), {
    type: 'run_end',
    code: 0,
    pid: executor.child.pid,
    had_browser: false,
  });
  const second = await executor.serve(join(folder, 'two.ts'), { run_id: 'r2' });
  assert.deepEqual(types(second), ['run_begin', 'file_write', 'run_error', 'run_result', 'run_end']);
  assert.deepEqual([second[2].run_id, second[2].seq, second.at(-1)?.code], ['r2', 1, 1]);
  const third = await executor.serve(join(folder, 'one.ts'), { run_id: 'r3', job: { n: 3 } });
  assert.deepEqual(messages(third), ['r33']);
  const { code, stderr } = await executor.end().result();
  assert.equal(code, 0);
  assert.doesNotMatch(stderr, /process.exit/);
});

const COUNTER = {
  'script.ts': noBrowser(
    `import { next } from './counter.ts'; import { count } from 'counting'; import { createRequire } from 'node:module';
     let own: number = 0;
     export default async ({ emit }: any) => emit.info([++own, next(), count(), createRequire(import.meta.url)('./old.cjs').next()].join());`,
  ),
  'counter.ts': 'let n: number = 0; export const next = () => ++n;',
  'old.cjs': 'let n = 0; exports.next = () => ++n;',
  'node_modules/counting/package.json': '{"type":"module","exports":"./index.js"}',
  'node_modules/counting/index.js': 'let n = 0; export const count = () => ++n;',
};

test('isolation module: a script and its own modules are new in each run, packages are shared', async (t) => {
  const script = join(folderWith(t, COUNTER), 'script.ts');
  const executor = new ServingExecutor(t);
  assert.deepEqual(messages(await executor.serve(script)), ['1,1,1,1']);
  assert.deepEqual(messages(await executor.serve(script)), ['1,1,2,2']);
});

test('isolation none: a script is imported once, and again when it has changed', async (t) => {
  const script = join(folderWith(t, COUNTER), 'script.ts');
  const executor = new ServingExecutor(t, ['--serve=none']);
  assert.deepEqual(messages(await executor.serve(script)), ['1,1,1,1']);
  assert.deepEqual(messages(await executor.serve(script)), ['2,2,2,2']);
  writeFileSync(script, noBrowser(`export default async ({ emit }: any) => emit.info('another');`));
  assert.deepEqual(messages(await executor.serve(script)), ['another']);
});

const COLLECTIONS = noBrowser(`
  import { constants, PerformanceObserver } from 'node:perf_hooks';
  import { runInNewContext } from 'node:vm';
  const ALL = constants.NODE_PERFORMANCE_GC_FLAGS_ALL_AVAILABLE_GARBAGE;
  const turn = () => new Promise((resume) => setImmediate(resume));
  let seen = 0;
  new PerformanceObserver((list) => {
    if (list.getEntries().some(({ detail }: any) => detail.flags & ALL)) seen++;
  }).observe({ entryTypes: ['gc'] });
  export default async ({ emit }: any) => {
    await turn();
    await turn();
    await emit.info([seen, typeof (globalThis as any).gc, runInNewContext('typeof gc')].join());
  };`);

test('what runs no longer need is collected every hundred runs, by a collector that no script has', async (t) => {
  const script = join(folderWith(t, { 'a.ts': COLLECTIONS }), 'a.ts');
  const executor = new ServingExecutor(t, ['--serve=none']);
  for (let run = 1; run <= 100; run++) {
    assert.deepEqual(messages(await executor.serve(script)), ['0,undefined,undefined'], `run ${run}`);
  }
  assert.deepEqual(messages(await executor.serve(script)), ['1,undefined,undefined']);
});

test('isolation module: a changed script is seen', async (t) => {
  const script = join(folderWith(t, COUNTER), 'script.ts');
  const executor = new ServingExecutor(t);
  await executor.serve(script);
  writeFileSync(script, noBrowser(`export default async ({ emit }: any) => emit.info('another');`));
  assert.deepEqual(messages(await executor.serve(script)), ['another']);
});

test('isolation process: one run, listeners to the exit, then the process ends itself', async (t) => {
  const folder = folderWith(t, {
    'a.ts': noBrowser(`export default () => {
      process.on('exit', (code) => console.error('exit heard: ' + code));
      throw new Error('no');
    };`),
  });
  const executor = new ServingExecutor(t, ['--serve=process']);
  const { frames, stderr } = await executor.request({
    run_id: 'r',
    attempt: 1,
    job: {},
    script: join(folder, 'a.ts'),
  })
    .result();
  assert.match(stderr, /exit heard: 1/);
  assert.equal(executor.child.signalCode, 'SIGKILL');
  assert.deepEqual(types(frames), ['run_begin', 'run_error', 'run_result', 'run_end']);
  assert.equal(frames[3].code, 1);
});

const LEAVES: [what: string, body: string, left: string | RegExp][] = [
  ['an interval', `setInterval(() => {}, 1000);`, 'a timer'],
  ['a timer of a helper', `(async () => { await null; setTimeout(() => {}, 100000); })();`, 'a timer'],
  ['a server', `(await import('node:net')).createServer().listen(0);`, 'a server'],
  ['a child', `(await import('node:child_process')).spawn('sleep', ['60']);`, /a child process|a pipe/],
  [
    'a worker',
    `new (await import('node:worker_threads')).Worker('setInterval(() => {}, 9)', { eval: true });`,
    'a worker thread',
  ],
  ['a global', `(globalThis as any).seen = 1;`, `the global 'seen'`],
  ['a listener', `process.on('SIGUSR2', () => {});`, 'a listener on process'],
  ['no listener', `process.removeAllListeners('beforeExit');`, 'a listener less on process'],
  ['a replaced global', `(globalThis as any).fetch = () => {};`, 'another fetch'],
  [
    'a replaced constructor',
    `(globalThis as any).Promise = class extends Promise<any> {};`,
    'another Promise',
  ],
  ['a replaced Buffer', `(globalThis as any).Buffer = class {};`, 'another Buffer'],
  ['a replaced function', `JSON.stringify = () => '{}';`, 'another JSON.stringify'],
  ['a replaced function of a class', `Date.now = () => 0;`, 'another Date.now'],
  ['a replaced method', `(Array.prototype as any).flat = () => [];`, 'another Array.prototype.flat'],
  [
    'a replaced getter',
    `Object.defineProperty(URL.prototype, 'host', { get: () => '' });`,
    'another URL.prototype.host',
  ],
  [
    'a method of every typed array',
    `(Object.getPrototypeOf(Int8Array) as any).prototype.fill = null;`,
    'another TypedArray.prototype.fill',
  ],
  ['a function less', `delete (String.prototype as any).anchor;`, 'another String.prototype.anchor'],
  ['a new method', `(Array.prototype as any).last = () => 1;`, 'another Array.prototype.last'],
  [
    'what reads the next request',
    `Buffer.from = () => { throw new Error('no bytes'); };`,
    'another Buffer.from',
  ],
  ['another console', `console.log = () => {};`, 'another console.log'],
  ['a folder', `process.chdir('/');`, 'another working directory'],
  ['a variable', `process.env.QUARRY_TEST_SEEN = '1';`, 'the environment variable QUARRY_TEST_SEEN'],
];

for (const [what, body, expected] of LEAVES) {
  test(`what a run leaves behind is told: ${what}`, async (t) => {
    const folder = folderWith(t, {
      'leaves.ts': noBrowser(`export default async () => { ${body} };`),
      'clean.ts': noBrowser(`import { spawn } from 'node:child_process';
      const on = () => {};
      export default async () => {
        clearTimeout(setTimeout(() => {}, 1000));
        setTimeout(() => {}, 1000).unref();
        await new Promise((resolve) => setTimeout(resolve, 1));
        process.on('SIGUSR2', on).off('SIGUSR2', on).once('SIGUSR2', on).removeListener('SIGUSR2', on);
        const server = (await import('node:net')).createServer().listen(0);
        await new Promise((resolve) => server.on('listening', resolve));
        await new Promise((resolve) => server.close(resolve));
        await new Promise((resolve) => spawn('true').on('close', resolve));
        console.group('clean');
        console.groupEnd();
        Error.stackTraceLimit = 20;
        /(c)lean/.exec('clean');
        for (const name of Reflect.ownKeys(globalThis)) void (globalThis as any)[name];
      };`),
    });
    const executor = new ServingExecutor(t);
    assert.equal(left(await executor.serve(join(folder, 'clean.ts'))), undefined);
    const told = left(await executor.serve(join(folder, 'leaves.ts'))) ?? 'nothing';
    if (typeof expected === 'string') assert.equal(told, expected);
    else assert.match(told, expected);
  });
}

test('a script that fetches leaves nothing behind, although the connection is kept', async (t) => {
  const site = await startSite(t);
  const script = noBrowser(
    `export default async ({ job }: any) => { await (await fetch(job.site)).text(); };`,
  );
  const path = join(folderWith(t, { 'script.ts': script }), 'script.ts');
  const executor = new ServingExecutor(t);
  for (let round = 0; round < 2; round++) {
    const frames = await executor.serve(path, { job: { site } });
    assert.deepEqual([frames.at(-1)?.code, left(frames)], [0, undefined]);
  }
});

test("what fails after the end of its run is that run's alone", async (t) => {
  const folder = folderWith(t, {
    'node_modules/gate/package.json': '{"type":"module","exports":"./index.js"}',
    'node_modules/gate/index.js': 'export const gate = Promise.withResolvers();',
    'late.ts': noBrowser(`import { gate } from 'gate';
      export default async () => { gate.promise.then(() => { throw new Error('too late'); }); };`),
    'opens.ts': noBrowser(`import { gate } from 'gate';
      export default async () => { gate.resolve(); await new Promise((resolve) => setTimeout(resolve, 1)); };`),
  });
  const executor = new ServingExecutor(t);
  assert.equal(left(await executor.serve(join(folder, 'late.ts'), { run_id: 'early' })), undefined);
  const frames = await executor.serve(join(folder, 'opens.ts'), { run_id: 'next' });
  assert.deepEqual(types(frames), ['run_begin', 'run_complete', 'run_result', 'run_end']);
  assert.equal(frames.at(-1)?.code, 0);
  assert.equal(left(frames), 'a rejection that nobody handled');
  const { stderr } = await executor.end().result();
  assert.match(stderr, /a rejection that nobody handled in run early, which is over: Error: too late/);
});

test('a rejection in the run itself fails it, as in a process of its own', async (t) => {
  const folder = folderWith(t, {
    'a.ts': noBrowser(
      `export default async () => { Promise.reject(new Error('dropped')); await new Promise((r) => setTimeout(r, 1000)); };`,
    ),
  });
  const frames = await new ServingExecutor(t).serve(join(folder, 'a.ts'));
  assert.deepEqual(outcomeOf(frames.slice(0, -1)).message, 'dropped');
  assert.equal(frames.at(-1)?.code, 1);
});

test('a wait that nothing can end fails the run, not the process', async (t) => {
  const folder = folderWith(t, { 'a.ts': noBrowser(`export default () => new Promise(() => {});`) });
  const executor = new ServingExecutor(t);
  for (let round = 0; round < 2; round++) {
    assert.match(
      outcomeOf((await executor.serve(join(folder, 'a.ts'))).slice(0, -1)).message,
      /can no longer happen/,
    );
  }
});

test('process.exit in a run ends the process with its code', async (t) => {
  const folder = folderWith(t, { 'a.ts': noBrowser(`export default () => process.exit(7);`) });
  const executor = new ServingExecutor(t);
  await assert.rejects(executor.serve(join(folder, 'a.ts')), /ended with 7.*must not call process.exit/s);
});

test('stacks and places read as in a process of its own', async (t) => {
  const folder = folderWith(t, {
    'throws.ts': noBrowser(`import { fail } from './deep.ts';\nexport default () => fail();`),
    'deep.ts': `export const fail = () => { throw new RangeError('deep'); };`,
    'broken.ts': `\nexport default async () => {\n  const a = ;\n};`,
    'broken.js': `\nexport default async () => {\n  const a = ;\n};`,
    'early.ts': `\n\nthrow new Error('at once');`,
  });
  const executor = new ServingExecutor(t);
  const script = join(folder, 'throws.ts');
  const top = ({ payload }: Frame): string => payload.stack.split('\n').slice(0, 3).join('\n');
  const cold = await new RunningExecutor(t, [script]).request(REQUEST).result();
  const [, warm] = await executor.serve(script);
  assert.match(top(warm), /^RangeError: deep\n.*deep\.ts:1:.*\n.*throws\.ts:3:/);
  assert.equal(top(warm), top(cold.frames[0]));
  for (const [name, place] of [['broken.ts', 3], ['broken.js', 3], ['early.ts', 3]]) {
    const frames = await executor.serve(join(folder, String(name)));
    assert.deepEqual([types(frames), frames.at(-1)?.code], [['run_result', 'run_end'], 2]);
    assert.ok(
      outcomeOf(frames.slice(0, -1)).message.startsWith(`${folder}/${name}:${place}: `),
      JSON.stringify(frames[0]),
    );
    assert.doesNotMatch(JSON.stringify(frames), /quarry-run/);
  }
  assert.doesNotMatch(executor.stderr, /quarry-run/);
});

test("an ack that comes too late is nobody's", async (t) => {
  const folder = folderWith(t, {
    'drops.ts': noBrowser(`export default ({ storage }: any) => {
      storage.put({ filename: 'a', content_type: 'b', data: 'c' }).catch(() => {});
      throw new Error('no');
    };`),
    'one.ts': noBrowser(`export default ({ emit }: any) => emit.info('fine');`),
  });
  const executor = new ServingExecutor(t);
  const { onFrame } = executor;
  executor.onFrame = (frame) => frame.type === 'file_write' || onFrame(frame);
  await executor.serve(join(folder, 'drops.ts'));
  executor.ack({ write_id: 1, ok: true });
  assert.deepEqual(messages(await executor.serve(join(folder, 'one.ts'))), ['fine']);
});

for (
  const [what, line, says] of [
    ['no script', '{"run_id":"r","attempt":1,"job":{}}', /script must be/],
    ['no JSON', 'nonsense', /not JSON/],
  ] as const
) {
  test(`a request that cannot be served ends the process with 3: ${what}`, async (t) => {
    const { code, stderr } = await new ServingExecutor(t).send(`${line}\n`).result();
    assert.equal(code, 3);
    assert.match(stderr, says);
  });
}
