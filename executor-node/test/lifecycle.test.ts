import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import {
  folderWith,
  type Frame,
  noBrowser,
  outcomeOf,
  runScript,
  ServingExecutor,
  types,
} from './support.ts';

/** Log messages and other events, in order. */
const transcript = (frames: Frame[]): string[] =>
  frames.map(({ type, payload }) => type === 'log' ? payload.message : type);

const HOOKS = `
  const say = (text) => (ctx) => ctx.emit.info(text);
  export const prepare = (job, run) => { console.error('prepare', JSON.stringify(job), JSON.stringify(run)); return { action: 'continue' }; };
  export const beforeRun = say('beforeRun');
  export const afterRun = say('afterRun');
  export const onError = (error, ctx) => ctx.emit.info('onError ' + error.message);
  export const beforeTerminal = (signal, ctx) => ctx.emit.info('beforeTerminal ' + signal.outcome + (signal.error ? ' ' + signal.error.message : ''));
  export const cleanup = async (ctx) => { console.error('cleanup', await ctx.emit.info('late').catch((e) => e.name)); };
`;

test('a script that returns: every hook in its turn, then run_complete', async (t) => {
  const { code, frames, stderr } = await runScript(t, noBrowser(`${HOOKS} export default say('script');`), {
    job_id: 'j',
    depth: 2,
  });
  assert.equal(code, 0);
  assert.deepEqual(transcript(frames), [
    'beforeRun',
    'script',
    'afterRun',
    'beforeTerminal completed',
    'run_complete',
    'run_result',
  ]);
  assert.deepEqual(frames.slice(0, -1).map((frame) => frame.seq), [1, 2, 3, 4, 5]);
  assert.deepEqual(frames[4].payload, {});
  assert.deepEqual(frames[5], { type: 'run_result', outcome: { status: 'completed' } });
  assert.match(
    stderr,
    /prepare \{"url":"https:\/\/shop.test\/"\} \{"run_id":"run-1","attempt":1,"job_id":"j","depth":2\}/,
  );
  assert.match(stderr, /cleanup TerminalEventError/);
});

test('the envelope carries the identity of the run', async (t) => {
  const { frames } = await runScript(t, noBrowser(`export default () => {}`), {
    attempt: 2,
    job_id: 'j',
    parent_run_id: 'p',
  });
  const { event_id, ts, ...rest } = frames[0];
  assert.match(event_id, /^[0-9a-f-]{36}$/);
  assert.match(ts, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(rest, {
    contract_version: '0.1.0',
    run_id: 'run-1',
    seq: 1,
    type: 'run_complete',
    payload: {},
    attempt: 2,
    job_id: 'j',
    parent_run_id: 'p',
  });
});

test('a script that throws: onError, beforeTerminal with the error, run_error', async (t) => {
  const { code, frames } = await runScript(
    t,
    noBrowser(`${HOOKS} export default () => { throw new TypeError('no price'); };`),
  );
  assert.equal(code, 1);
  assert.deepEqual(transcript(frames), [
    'beforeRun',
    'onError no price',
    'beforeTerminal error no price',
    'run_error',
    'run_result',
  ]);
  const { error_type, message, stack } = frames[3].payload;
  assert.deepEqual([error_type, message], ['script_error', 'no price']);
  assert.match(stack, /TypeError: no price\n.*script\.ts:10/s);
  assert.deepEqual(outcomeOf(frames), {
    status: 'error',
    error_type: 'script_error',
    message: 'no price',
    stack,
  });
});

for (const hook of ['beforeRun', 'afterRun']) {
  test(`a throw of ${hook} is the script's`, async (t) => {
    const { code, frames } = await runScript(
      t,
      noBrowser(`export const ${hook} = () => { throw new Error('hook') }; export default () => {};`),
    );
    assert.equal(code, 1);
    assert.deepEqual(types(frames), ['run_error', 'run_result']);
    assert.equal(frames[0].payload.message, 'hook');
  });
}

test('throws of onError, beforeTerminal and cleanup change nothing', async (t) => {
  const bad = ['onError', 'beforeTerminal', 'cleanup'].map((hook) =>
    `export const ${hook} = () => { throw new Error('in ${hook}') };`
  );
  const { code, frames, stderr } = await runScript(
    t,
    noBrowser(`${bad.join('\n')} export default () => { throw 'text'; };`),
  );
  assert.equal(code, 1);
  assert.equal(frames[0].payload.message, 'text');
  for (const hook of ['onError', 'beforeTerminal', 'cleanup']) assert.match(stderr, new RegExp(`in ${hook}`));
});

test('prepare skips: run_complete says so and nothing else runs', async (t) => {
  const { code, frames, stderr } = await runScript(
    t,
    `
    export const prepare = () => ({ action: 'skip', reason: 'seen' });
    export const cleanup = () => console.error('ran');
    export default () => console.error('ran');`,
  );
  assert.equal(code, 0);
  assert.deepEqual(types(frames), ['run_complete', 'run_result']);
  assert.deepEqual(frames[0].payload, { summary: { skipped: true, reason: 'seen' } });
  assert.doesNotMatch(stderr, /ran/);
});

test('prepare may give another job', async (t) => {
  const { frames } = await runScript(
    t,
    noBrowser(`
    export const prepare = (job) => ({ action: 'continue', job: { ...job, page: 2 } });
    export default ({ job, emit }) => emit.item({ item_type: 'job', data: job });`),
  );
  assert.deepEqual(frames[0].payload.data, { url: 'https://shop.test/', page: 2 });
});

for (
  const [what, body] of [
    ['throws', 'throw new Error("bad")'],
    ['returns nothing', ''],
    ['returns an unknown action', 'return { action: "stop" }'],
    ['returns a job that is a list', 'return { action: "continue", job: [] }'],
    ['returns a reason that is no text', 'return { action: "skip", reason: 1 }'],
  ]
) {
  test(`a prepare that ${what} is a crash`, async (t) => {
    const { code, frames } = await runScript(
      t,
      noBrowser(`export const prepare = () => { ${body} }; export default () => {};`),
    );
    assert.equal(code, 2);
    assert.deepEqual(types(frames), ['run_result']);
    assert.deepEqual([outcomeOf(frames).status, outcomeOf(frames).error_type], ['crash', 'prepare_error']);
    assert.match(outcomeOf(frames).message, /^prepare /);
  });
}

test('a terminal event of the script: no hook before the end, later emits reject, a later throw changes nothing', async (t) => {
  const { code, frames, stderr } = await runScript(
    t,
    noBrowser(`${HOOKS} export default async ({ emit }) => {
    await emit.runComplete({ summary: { pages: 3 } });
    const late = await emit.item({ item_type: 'x', data: {} }).catch((e) => e.name);
    throw new Error('after the end: ' + late);
  };`),
  );
  assert.equal(code, 0);
  assert.deepEqual(transcript(frames), ['beforeRun', 'run_complete', 'run_result']);
  assert.deepEqual(frames[1].payload, { summary: { pages: 3 } });
  assert.match(stderr, /after run_complete: Error: after the end: TerminalEventError/);
});

test('run_error of the script decides, also when it then returns', async (t) => {
  const { code, frames } = await runScript(
    t,
    noBrowser(`export default ({ emit }) => emit.runError({ error_type: 'blocked', message: 'captcha' });`),
  );
  assert.equal(code, 1);
  assert.deepEqual(outcomeOf(frames), { status: 'error', error_type: 'blocked', message: 'captcha' });
});

test('beforeTerminal may end the run itself', async (t) => {
  const { code, frames } = await runScript(
    t,
    noBrowser(`
    export const beforeTerminal = (_, { emit }) => emit.runError({ error_type: 'too_few', message: '0 items' });
    export default () => {};`),
  );
  assert.equal(code, 1);
  assert.deepEqual(types(frames), ['run_error', 'run_result']);
});

test('a rejection that nobody handles fails the run', async (t) => {
  const { code, frames } = await runScript(
    t,
    noBrowser(`export default async () => {
    Promise.reject(new Error('forgotten'));
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  };`),
  );
  assert.equal(code, 1);
  assert.equal(frames[0].payload.message, 'forgotten');
});

test('so does one right before the script returns, and an exception in a callback', async (t) => {
  const rejected = await runScript(
    t,
    noBrowser(`export default () => { Promise.reject(new Error('last')); };`),
  );
  assert.deepEqual([rejected.code, rejected.frames[0].payload.message], [1, 'last']);
  const thrown = await runScript(
    t,
    noBrowser(`export default () => new Promise(() => setTimeout(() => { throw new Error('timer'); }, 1));`),
  );
  assert.deepEqual([thrown.code, thrown.frames[0].payload.message], [1, 'timer']);
});

test('an emit that nobody awaits and that is refused fails the run; one after the end does not', async (t) => {
  const refused = await runScript(
    t,
    noBrowser(`export default ({ emit }) => { emit.item({ item_type: 'x', data: { n: NaN } }); };`),
  );
  assert.equal(refused.code, 1);
  assert.match(refused.frames[0].payload.message, /data\.n: NaN/);
  const late = await runScript(
    t,
    noBrowser(`export default ({ emit }) => { emit.runComplete(); emit.info('late'); };`),
  );
  assert.equal(late.code, 0);
});

test('a wait that nothing can end is an error, not a silent exit', async (t) => {
  const { code, frames } = await runScript(t, noBrowser(`export default () => new Promise(() => {});`));
  assert.equal(code, 1);
  assert.match(frames[0].payload.message, /no longer happen/);
});

test('nor does a dead wait in a hook keep the run from its end', async (t) => {
  const { code, frames, stderr } = await runScript(
    t,
    noBrowser(`
    export const beforeTerminal = () => new Promise(() => {});
    export const cleanup = () => new Promise(() => {});
    export default () => {};`),
  );
  assert.deepEqual([code, types(frames)], [0, ['run_complete', 'run_result']]);
  assert.match(stderr, /hook beforeTerminal threw.*no longer happen[^]*hook cleanup threw/);
});

test('what is thrown and is no Error is shown as what it is', async (t) => {
  const { code, frames } = await runScript(
    t,
    noBrowser(`export default () => { throw { status: 418, at: ['a'] }; };`),
  );
  assert.equal(code, 1);
  assert.equal(frames[0].payload.message, "{ status: 418, at: [ 'a' ] }");
});

const UNREADABLE: [what: string, thrown: string, message: string][] = [
  [
    'a message that throws',
    `{ get message() { throw new Error('m'); }, toString() { throw 1; } }`,
    'something that has no text was thrown',
  ],
  [
    'an Error whose message throws',
    `Object.defineProperty(new Error(), 'message', { get() { throw 1; } })`,
    'something that has no text was thrown',
  ],
  ['an Error whose message is a number', `Object.assign(new Error(), { message: 5 })`, 'Error: 5'],
  [
    'a stack that throws',
    `Object.defineProperty(new Error('e'), 'stack', { get() { throw 1; } })`,
    'Error: e',
  ],
  ['a stack that is no text', `Object.assign(new Error('e'), { stack: [] })`, 'e'],
  ['a function', `Object.assign(() => {}, { toString: undefined })`, 'something that has no text was thrown'],
];

for (const [what, thrown, message] of UNREADABLE) {
  test(`a throw fails the run, whatever was thrown: ${what}`, async (t) => {
    const { code, frames } = await runScript(t, noBrowser(`export default () => { throw ${thrown}; };`));
    assert.deepEqual([code, types(frames)], [1, ['run_error', 'run_result']]);
    assert.deepEqual(frames[0].payload, { error_type: 'script_error', message });
  });
}

test('process.exit in a script is named', async (t) => {
  const { code, frames, stderr } = await runScript(
    t,
    noBrowser(`export default () => { process.exit(0); };`),
  );
  assert.equal(code, 0);
  assert.deepEqual(frames, []);
  assert.match(stderr, /must not call process\.exit/);
});

test('what was emitted before process.exit is not lost', async (t) => {
  const { code, frames } = await runScript(
    t,
    noBrowser(`
    export default async ({ emit }) => {
      emit.item({ item_type: 'a', data: {} });
      await emit.runComplete({});
      process.exit(0);
    };`),
  );
  assert.deepEqual([code, types(frames)], [0, ['item', 'run_complete']]);
});

test('without a browser its members throw, and say why', async (t) => {
  const { frames } = await runScript(
    t,
    noBrowser(`export default ({ page }) => page.goto('https://shop.test/');`),
  );
  assert.match(
    frames[0].payload.message,
    /ctx\.page: there is no browser, because the script exports config = \{ browser: false \}/,
  );
});

test('memory without a browser: the heap of the script, and the levels are its own to set', async (t) => {
  const { code, frames } = await runScript(
    t,
    noBrowser(`export default async ({ emit, memory }) => {
    const { node, browser, cgroup, pressure, ts } = await memory.snapshot();
    await emit.item({ item_type: 'memory', data: { node, browser, cgroup, pressure, ts } });
    const snapshot = await memory.snapshot({ thresholds: { moderate: 1e-9, high: 1e-8, critical: 1e-7 } });
    await emit.info(snapshot.pressure + snapshot.isAbove('high') + await memory.isAbove('critical'));
  };`),
  );
  assert.equal(code, 0);
  const { node, browser, pressure, ts } = frames[0].payload.data;
  assert.ok(node.used > 0 && node.limit > node.used && Math.abs(node.ratio - node.used / node.limit) < 1e-9);
  assert.equal(browser, null);
  assert.match(pressure, /^(low|moderate|high|critical)$/);
  assert.match(ts, /Z$/);
  assert.equal(frames[1].payload.message, 'criticaltruefalse');
});

test('reports about hosts are in run_result, and a proxy without its password', async (t) => {
  const proxy = { protocol: 'http', host: 'proxy.test', port: 8080, username: 'u', password: 'secret-word' };
  const { frames, stderr } = await runScript(
    t,
    noBrowser(`export default async ({ emit }) => {
    await emit.hostReport({ host: 'shop.test', status: 429, retry_after_ms: 2000 });
    await emit.hostReport({ host: '' }).catch((error) => emit.info(error.message));
  };`),
    { proxy },
  );
  assert.deepEqual(types(frames), ['log', 'run_complete', 'run_result']);
  assert.deepEqual(frames[2].hosts, [{ host: 'shop.test', status: 429, retry_after_ms: 2000 }]);
  assert.deepEqual(frames[2].proxy_used, { protocol: 'http', host: 'proxy.test', port: 8080, username: 'u' });
  assert.doesNotMatch(JSON.stringify(frames) + stderr, /secret-word/);
});

const BATCHER = `import { createBatcher } from '@quarry/sdk';
  const batched = async (emit, target, count) => {
    const batches = createBatcher(emit, { size: 2, target });
    for (let n = 1; n <= count; n++) await batches.add(n);
  };`;

test('what batchers hold when the script has returned is emitted before the end', async (t) => {
  const { code, frames, stderr } = await runScript(
    t,
    noBrowser(`${BATCHER}
      export const afterRun = ({ emit }) => batched(emit, 'after.ts', 1);
      export const beforeTerminal = ({ outcome }, { emit }) => emit.info(outcome);
      export default ({ emit }) => batched(emit, 'script.ts', 3);`),
  );
  assert.equal(code, 0, stderr);
  assert.deepEqual(transcript(frames), [
    'enqueue',
    'enqueue',
    'enqueue',
    'completed',
    'run_complete',
    'run_result',
  ]);
  assert.deepEqual(frames.slice(0, 3).map(({ payload: { target, params } }) => [target, ...params.items]), [
    ['script.ts', 1, 2],
    ['script.ts', 3],
    ['after.ts', 1],
  ]);
  assert.doesNotMatch(stderr, /batch/);
});

test('what batchers hold when the script throws or ends the run itself is told', async (t) => {
  for (const end of [`throw new Error('no')`, 'await emit.runComplete()']) {
    const { frames, stderr } = await runScript(
      t,
      noBrowser(
        `${BATCHER} export default async ({ emit }) => { await batched(emit, 'next.ts', 3); ${end}; };`,
      ),
    );
    assert.equal(types(frames)[0], 'enqueue');
    assert.equal(frames.length, 3);
    assert.match(stderr, /a batch of 1 for next\.ts was not emitted: the run ended before its flush\(\)/);
  }
});

test('files that a storage batcher holds when the script has returned are stored', async (t) => {
  const { code, frames } = await runScript(
    t,
    noBrowser(`import { createStorageBatcher } from '@quarry/sdk';
      export default ({ storage }) => {
        const files = createStorageBatcher(storage, { concurrency: 2 });
        for (let n = 0; n < 9; n++) files.add({ filename: String(n), content_type: 'a/b', data: 'x' });
      };`),
  );
  assert.equal(code, 0);
  assert.equal(types(frames).filter((type) => type === 'file_write').length, 9);
});

test('a script that fails with control characters does not send them to a terminal', async (t) => {
  const { stderr } = await runScript(
    t,
    noBrowser(`export const prepare = () => { throw 'ü\\0\\x1b[2m\\x9b\\ttab'; }; export default () => {};`),
  );
  assert.match(stderr, /prepare threw: ü\\u0000\\u001b\[2m\\u009b\ttab/);
});

const STDIN = `for await (const text of process.stdin) console.error('read', text);
  if (process.stdin.isTTY || process.stdin.fd !== undefined) throw new Error('another kind of stream');
  process.stdin.pause(); process.stdin.unref?.(); process.stdin.destroy();`;

test('a script has an empty standard input of its own: it cannot read or close the acks', async (t) => {
  const { code, frames, stderr } = await runScript(
    t,
    noBrowser(`export default async ({ storage, emit }) => {
      const first = storage.put({ filename: 'a', content_type: 'b', data: 'c' });
      ${STDIN}
      await first;
      await storage.put({ filename: 'd', content_type: 'b', data: 'c' });
    };`),
  );
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /read/);
  assert.equal(types(frames).filter((type) => type === 'file_write').length, 2);
});

for (const isolation of ['module', 'none']) {
  test(`isolation ${isolation}: a script that ends its standard input does not end its process`, async (t) => {
    const script = noBrowser(`export default async ({ emit }) => { ${STDIN} };`);
    const path = join(folderWith(t, { 'script.ts': script }), 'script.ts');
    const executor = new ServingExecutor(t, [`--serve=${isolation}`]);
    for (let round = 0; round < 2; round++) {
      const end = (await executor.serve(path)).at(-1);
      assert.deepEqual([end?.code, end?.left_behind], [0, undefined]);
    }
    assert.equal((await executor.end().result()).code, 0);
  });
}
