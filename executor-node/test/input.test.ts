import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { Input } from '../src/ipc/input.ts';
import { parseRequest, RequestError } from '../src/ipc/request.ts';
import { Encoder } from '../src/ipc/encoder.ts';

const ack = (write_id: number): Buffer => {
  const encoder = new Encoder();
  const mark = encoder.reserve();
  encoder.value({ type: 'file_write_ack', write_id, ok: true });
  encoder.patch(mark, encoder.length - 4);
  return Buffer.from(encoder.take());
};

test('a line in pieces, then frames, some of them before anyone listens', async () => {
  const stream = new PassThrough();
  const input = new Input(stream);
  const bytes = Buffer.concat([Buffer.from('{"a":"ž"}\n'), ack(1), ack(2)]);
  for (const byte of bytes) stream.write(Buffer.from([byte]));
  stream.end();
  assert.equal(await input.requestLine(), '{"a":"ž"}');
  await new Promise((resolve) => stream.on('close', resolve));
  const seen: unknown[] = [];
  input.listen({ frame: (frame) => seen.push(frame.write_id), end: (error) => seen.push(error ?? 'end') });
  assert.deepEqual(seen, [1, 2, 'end']);
});

test('more lines between frames, however the bytes are cut', async () => {
  const bytes = Buffer.concat([Buffer.from('{"n":1}\n'), ack(1), Buffer.from('{"n":2}\n'), ack(2), ack(3)]);
  for (const size of [1, 7, bytes.length]) {
    const stream = new PassThrough();
    const input = new Input(stream, { manyLines: true });
    const seen: unknown[] = [];
    input.listen({ frame: (frame) => seen.push(frame.write_id), end: (error) => seen.push(error ?? 'end') });
    for (let start = 0; start < bytes.length; start += size) {
      stream.write(bytes.subarray(start, start + size));
    }
    assert.equal(await input.requestLine(), '{"n":1}');
    assert.equal(await input.requestLine(), '{"n":2}');
    stream.end();
    await assert.rejects(input.requestLine(), RequestError);
    assert.deepEqual([...seen, input.isAtEnd], [1, 2, 3, 'end', true]);
  }
});

test('the end before the line, and garbage after it', async () => {
  const empty = new PassThrough();
  const input = new Input(empty);
  empty.end('{"run_id"');
  await assert.rejects(input.requestLine(), RequestError);
  const garbage = new PassThrough();
  const other = new Input(garbage);
  const ended = new Promise<Error | undefined>((resolve) => other.listen({ frame: () => {}, end: resolve }));
  garbage.write('{}\nthis is not a frame');
  assert.match((await ended)?.message ?? '', /over the limit/);
});

const VALID = { run_id: 'r', attempt: 1, job: {} };

test('a whole request', () => {
  const whole = {
    ...VALID,
    attempt: 2,
    script: '/s.ts',
    job_id: 'j',
    parent_run_id: 'p',
    depth: 1,
    browser_ws_endpoint: 'ws://127.0.0.1:1/x',
    proxy: { protocol: 'socks5', host: 'h', port: 1080, username: undefined, password: undefined },
    storage: { dataset: 'd', source: 's', category: 'c', day: '2026-11-24', run_id: 'r' },
  };
  assert.deepEqual(parseRequest(JSON.stringify(whole)), whole);
  assert.equal(
    parseRequest(JSON.stringify({ ...VALID, proxy: null, depth: null, more: 1 })).proxy,
    undefined,
  );
});

for (
  const [what, line, message] of [
    ['no JSON', '{', /not JSON/],
    ['a list', '[]', /the request must be an object/],
    ['no run_id', '{"attempt":1,"job":{}}', /run_id/],
    ['an empty run_id', JSON.stringify({ ...VALID, run_id: '' }), /run_id/],
    ['attempt 0', JSON.stringify({ ...VALID, attempt: 0 }), /attempt must be an integer from 1/],
    ['a job that is a list', JSON.stringify({ ...VALID, job: [] }), /job must be an object/],
    ['no job', '{"run_id":"r","attempt":1}', /job must be an object/],
    ['a negative depth', JSON.stringify({ ...VALID, depth: -1 }), /depth/],
    [
      'an odd proxy',
      JSON.stringify({ ...VALID, proxy: { protocol: 'ftp', host: 'h', port: 1 } }),
      /proxy\.protocol/,
    ],
    ['port 0', JSON.stringify({ ...VALID, proxy: { protocol: 'http', host: 'h', port: 0 } }), /proxy\.port/],
    [
      'a user without password',
      JSON.stringify({ ...VALID, proxy: { protocol: 'http', host: 'h', port: 1, username: 'u' } }),
      /both or not at all/,
    ],
    [
      'an endpoint that is no address',
      JSON.stringify({ ...VALID, browser_ws_endpoint: 'x' }),
      /browser_ws_endpoint/,
    ],
    ['half a storage', JSON.stringify({ ...VALID, storage: { dataset: 'd' } }), /storage\.source/],
  ] as [string, string, RegExp][]
) {
  test(`a request with ${what} is refused`, () => {
    assert.throws(
      () => parseRequest(line),
      (error: Error) => error instanceof RequestError && message.test(error.message),
    );
  });
}
