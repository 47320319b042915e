import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ARTIFACT_LIMIT,
  createBatcher,
  type EmitSink,
  Emitter,
  type EventEnvelope,
  PayloadError,
  SinkFailedError,
  TerminalEventError,
} from '../src/index.ts';

class Recorder implements EmitSink {
  failure: Error | undefined;
  readonly taken: (EventEnvelope | string)[] = [];

  event(envelope: EventEnvelope): Promise<void> {
    if ((envelope.payload as { data?: { bad?: boolean } }).data?.bad) throw new PayloadError('bad');
    this.taken.push(envelope);
    return Promise.resolve();
  }

  artifact(id: string, data: Uint8Array): void {
    this.taken.push(`${id}:${data.length}`);
  }

  hostReport(): void {}
}

function make(): { sink: Recorder; emitter: Emitter } {
  const sink = new Recorder();
  let id = 0;
  const run = { run_id: 'r', attempt: 1 };
  return { sink, emitter: new Emitter({ run, sink, uuid: () => `id-${++id}`, now: () => new Date(0) }) };
}

const seqs = (sink: Recorder): unknown[] => sink.taken.map((one) => typeof one === 'string' ? one : one.seq);

test('an envelope', async () => {
  const { sink, emitter } = make();
  await emitter.api.item({ item_type: 'x', data: { a: 1 } });
  assert.deepEqual(sink.taken[0], {
    contract_version: '0.1.0',
    event_id: 'id-1',
    run_id: 'r',
    seq: 1,
    type: 'item',
    ts: '1970-01-01T00:00:00.000Z',
    payload: { item_type: 'x', data: { a: 1 } },
    attempt: 1,
    job_id: undefined,
    parent_run_id: undefined,
    depth: undefined,
  });
  // The runtime reads this order fastest.
  assert.deepEqual(Object.keys(sink.taken[0]), [
    ...['contract_version', 'event_id', 'run_id', 'seq', 'type', 'ts', 'attempt'],
    ...['job_id', 'parent_run_id', 'depth', 'payload'],
  ]);
});

test('a note takes what a script caught as its message', async () => {
  const { sink, emitter } = make();
  const caught: any = new TypeError('no price');
  await emitter.api.log({ level: 'warn', message: caught, fields: { page: 1 } });
  await emitter.api.error(caught);
  assert.deepEqual(sink.taken.map((event) => typeof event === 'string' ? event : event.payload), [
    { level: 'warn', message: 'TypeError: no price', fields: { page: 1 } },
    { level: 'error', message: 'TypeError: no price', fields: undefined },
  ]);
  const refused: any = { level: 'warn', message: { is: caught } };
  await assert.rejects(emitter.api.log(refused), {
    message: 'emit.log: message must be a string, not an Object',
  });
});

test('calls can be taken off the object and keep their order; a refused one takes no number', async () => {
  const { sink, emitter } = make();
  const { item, artifact, info } = emitter.api;
  const all = [
    item({ item_type: 'x', data: {} }),
    item({ item_type: 'x', data: { bad: true } }),
    artifact({ name: 'n', content_type: 't', data: 'žž' }),
    info('m'),
  ];
  const results = await Promise.allSettled(all);
  assert.deepEqual(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  assert.deepEqual(seqs(sink), [1, 'id-3:4', 2, 3]);
  assert.equal((results[2] as PromiseFulfilledResult<string>).value, 'id-3');
});

test('nothing after a terminal event; the first one stays', async () => {
  const { sink, emitter } = make();
  await emitter.api.runComplete({ summary: { n: 1 } });
  for (
    const late of [
      emitter.api.runError({ error_type: 'x', message: 'm' }),
      emitter.api.info('m'),
      emitter.api.artifact({ name: 'n', content_type: 't', data: '' }),
      emitter.api.hostReport({ host: 'h' }),
    ]
  ) {
    await assert.rejects(late, TerminalEventError);
  }
  assert.equal(sink.taken.length, 1);
  assert.deepEqual(emitter.ending, { type: 'run_complete', payload: { summary: { n: 1 } } });
});

test('nothing after the sink failed', async () => {
  const { sink, emitter } = make();
  sink.failure = new SinkFailedError(new Error('EPIPE'));
  await assert.rejects(emitter.api.info('m'), SinkFailedError);
  await assert.rejects(emitter.api.artifact({ name: 'n', content_type: 't', data: '' }), SinkFailedError);
  assert.equal(emitter.ending, undefined);
});

test('a wrong call rejects and never throws', async () => {
  const { emitter } = make();
  await assert.rejects(emitter.api.item(undefined as never), PayloadError);
  await assert.rejects(emitter.api.artifact(null as never), PayloadError);
  await assert.rejects(
    emitter.api.enqueue({ target: 't', params: {}, options: { timeout_ms: Number.NaN } }),
    PayloadError,
  );
});

test('a note is a string, and what it is about an object', async () => {
  const { sink, emitter } = make();
  for (const message of [5, undefined, { a: 1 }]) {
    const { info, error } = emitter.api;
    await assert.rejects(info(message as never), /^PayloadError: emit\.info: message must be a string, not /);
    await assert.rejects(
      error(message as never),
      /^PayloadError: emit\.error: message must be a string, not /,
    );
  }
  await assert.rejects(
    emitter.api.warn('m', 5 as never),
    /^PayloadError: emit\.warn: fields must be an object/,
  );
  await emitter.api.info('', { a: 1 });
  await emitter.api.error(new TypeError('caught') as never);
  assert.deepEqual((sink.taken as EventEnvelope[]).map(({ payload }) => payload), [{
    level: 'info',
    message: '',
    fields: { a: 1 },
  }, { level: 'error', message: 'TypeError: caught', fields: undefined }]);
});

test('what would not be stored as an object is none', async () => {
  const { sink, emitter } = make();
  for (
    const data of [
      new Date(0),
      new URL('https://a.test/'),
      new Set(),
      [],
      'text',
      new ArrayBuffer(1),
      Object(3),
    ]
  ) {
    await assert.rejects(emitter.api.item({ item_type: 'x', data: data as never }), /data must be an object/);
  }
  for (const data of [new Map([['a', 1]]), { toJSON: () => ({}) }, new (class {})(), Object.create(null)]) {
    await emitter.api.item({ item_type: 'x', data: data as never });
  }
  assert.equal(sink.taken.length, 4);
});

test('milliseconds of derived work are rounded, then have a range', async () => {
  const { sink, emitter } = make();
  const sent = async (options: object): Promise<unknown> => {
    await emitter.api.enqueue({ target: 't', params: {}, options });
    return (sink.taken.at(-1) as EventEnvelope & { payload: { options: object } }).payload.options;
  };
  const given = { lane: 'low', delay_ms: 1.5, timeout_ms: 0.6, dedup_key: 'k' };
  assert.deepEqual(await sent(given), { lane: 'low', delay_ms: 2, timeout_ms: 1, dedup_key: 'k' });
  assert.equal(given.delay_ms, 1.5, 'what the script holds stays as it is');
  assert.ok(Object.is(((await sent({ delay_ms: -0.4 })) as { delay_ms: number }).delay_ms, 0));
  assert.deepEqual(await sent({ delay_ms: 31_536_000_000, timeout_ms: 31_536_000_000 }), {
    delay_ms: 31_536_000_000,
    timeout_ms: 31_536_000_000,
  });
  const taken = sink.taken.length;
  for (
    const [options, message] of [
      [{ delay_ms: -1 }, /options\.delay_ms must be a number of milliseconds from 0 to 31536000000, not -1/],
      [{ delay_ms: 31_536_000_001 }, /options\.delay_ms .* not 31536000001/],
      [{ delay_ms: Number.NaN }, /options\.delay_ms .* not NaN/],
      [{ delay_ms: '5' }, /options\.delay_ms .* not "5"/],
      [
        { timeout_ms: 0 },
        /options\.timeout_ms must be a number of milliseconds from 1 to 31536000000, not 0/,
      ],
      [{ timeout_ms: Number.POSITIVE_INFINITY }, /options\.timeout_ms .* not Infinity/],
    ] as const
  ) {
    const call = emitter.api.enqueue({ target: 't', params: {}, options: options as object });
    await assert.rejects(call, (error) => error instanceof PayloadError && message.test(error.message));
  }
  assert.equal(sink.taken.length, taken);
});

test('an option of derived work that looks like a slip is refused, another is carried', async () => {
  const { sink, emitter } = make();
  const enqueue = (options: object) => emitter.api.enqueue({ target: 't', params: {}, options });
  const slips = {
    delayMs: 'delay_ms',
    delay: 'delay_ms',
    time_out: 'timeout_ms',
    Lane: 'lane',
    dedup_keys: 'dedup_key',
  };
  for (const [slip, meant] of Object.entries(slips)) {
    const message = `emit.enqueue: there is no options.${slip}; did you mean ${meant}?`;
    await assert.rejects(enqueue({ [slip]: 1 }), { name: 'PayloadError', message });
  }
  await enqueue({ priority: 1, tag: 'b' });
  assert.equal(sink.taken.length, 1);
});

test('what a host says is in whole milliseconds', async () => {
  const { emitter } = make();
  await assert.rejects(emitter.api.hostReport({ host: 'h', retry_after_ms: -1 }), PayloadError);
  await assert.rejects(emitter.api.hostReport({ host: 'h', crawl_delay_ms: 0.5 }), PayloadError);
});

test('a batcher: one enqueue a batch, the rest at flush', async () => {
  const { sink, emitter } = make();
  const batcher = createBatcher<number>(emitter.api, { size: 2, target: 't.ts', source: 's', category: 'c' });
  for (const n of [1, 2, 3]) await batcher.add(n);
  assert.equal(batcher.pending, 1);
  await batcher.flush();
  await batcher.flush();
  assert.equal(batcher.pending, 0);
  assert.deepEqual(
    sink.taken.map((one) => (one as EventEnvelope).payload),
    [[1, 2], [3]].map((items) => ({
      target: 't.ts',
      params: { items },
      source: 's',
      category: 'c',
      options: undefined,
    })),
  );
  for (const size of [0, -1, 1.5, Number.NaN, '3']) {
    assert.throws(() => createBatcher(emitter.api, { size: size as number, target: 't' }), RangeError);
  }
});

test('an artifact above its limit is refused before anything is sent, and the next call works', async () => {
  const { sink, emitter } = make();
  const artifact = (size: number) =>
    emitter.api.artifact({ name: 'n', content_type: 't', data: new ArrayBuffer(size) });
  await assert.rejects(
    artifact(ARTIFACT_LIMIT + 1),
    (error: Error) =>
      error instanceof PayloadError && /takes 1073741825 bytes.*1073741824/.test(error.message),
  );
  assert.deepEqual(sink.taken, []);
  await artifact(ARTIFACT_LIMIT);
  assert.deepEqual(seqs(sink), [`id-1:${ARTIFACT_LIMIT}`, 1]);
});
