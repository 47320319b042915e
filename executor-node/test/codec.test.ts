import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { decode, DecodeError } from '../src/ipc/decoder.ts';
import { EncodeError } from '../src/ipc/encode-error.ts';
import { Encoder } from '../src/ipc/encoder.ts';
import { jsonLength } from '../src/ipc/json-length.ts';

function encoded(value: unknown): Buffer {
  const encoder = new Encoder();
  encoder.value(value);
  return Buffer.from(encoder.take());
}

/** mulberry32: the same values in every run of the test. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function anyValue(next: () => number, depth = 0): unknown {
  const integer = (below: number): number => Math.floor(next() * below);
  const text = (): string =>
    Array.from(
      { length: integer(next() < 0.1 ? 400 : 12) },
      () => String.fromCodePoint(integer(next() < 0.2 ? 0xd000 : 128)),
    ).join('');
  switch (integer(depth < 4 ? 9 : 7)) {
    case 0:
      return null;
    case 1:
      return next() < 0.5;
    case 2:
      return integer(2 ** (1 + integer(53))) * (next() < 0.5 ? 1 : -1) + 0;
    case 3:
      return (next() - 0.5) * 10 ** (integer(40) - 20);
    case 4:
      return text();
    case 5:
      return Buffer.from(text());
    case 6:
      return (BigInt(integer(2 ** 31)) << 32n) + (1n << 60n);
    case 7:
      return Array.from({ length: integer(20) }, () => anyValue(next, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: integer(20) }, () => [text(), anyValue(next, depth + 1)]),
      );
  }
}

test('any value comes back', () => {
  const next = random(1);
  for (let round = 0; round < 3000; round++) {
    const value = anyValue(next);
    assert.deepEqual(decode(encoded(value)), value);
  }
});

test('the length of the JSON text is never underestimated, and close', () => {
  const next = random(2);
  for (let round = 0; round < 2000; round++) {
    const value = anyValue(next);
    const text = JSON.stringify(
      value,
      (_, member) =>
        typeof member === 'bigint'
          ? Number(member)
          : member?.type === 'Buffer'
          ? Buffer.from(member.data).toString('base64')
          : member,
    );
    const estimate = jsonLength(encoded(value));
    assert.ok(estimate >= Buffer.byteLength(text), text);
  }
  const long = { s: 'ž"\n'.repeat(100_000) };
  assert.ok(jsonLength(encoded(long)) - Buffer.byteLength(JSON.stringify(long)) < 20);
});

test('any garbage is an error or a value, never a hang', () => {
  const next = random(3);
  const whole = encoded({ a: [1, 'two', { three: 3.5 }], b: Buffer.from('x') });
  for (let round = 0; round < 20_000; round++) {
    const bytes = round % 2
      ? Buffer.from(Array.from({ length: Math.floor(next() * 40) }, () => Math.floor(next() * 256)))
      : Buffer.from(whole).fill(Math.floor(next() * 256), Math.floor(next() * whole.length), undefined);
    try {
      decode(bytes);
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error));
    }
  }
  for (let size = 0; size < whole.length; size++) {
    assert.throws(() => decode(whole.subarray(0, size)), DecodeError);
  }
});

test('integers take their shortest form', () => {
  for (
    const [value, hex] of [
      [0, '00'],
      [127, '7f'],
      [128, 'cc80'],
      [255, 'ccff'],
      [256, 'cd0100'],
      [65535, 'cdffff'],
      [65536, 'ce00010000'],
      [2 ** 32, 'cf0000000100000000'],
      [-1, 'ff'],
      [-32, 'e0'],
      [-33, 'd0df'],
      [-129, 'd1ff7f'],
      [-32769, 'd2ffff7fff'],
      [-(2 ** 31) - 1, 'd3ffffffff7fffffff'],
      [1.5, 'cb3ff8000000000000'],
      [-0, '00'],
      [2 ** 53, 'cb4340000000000000'],
    ] as [number, string][]
  ) assert.equal(encoded(value).toString('hex'), hex, String(value));
});

class Price {
  amount = 3;
  #hidden = 4;
  get double(): number {
    return this.amount + this.#hidden;
  }
}

test('values that JSON has no form for become something plain', () => {
  const date = new Date('2026-11-24T08:00:00.5Z');
  const cases: [unknown, unknown][] = [
    [{ a: undefined, b: 1 }, { b: 1 }],
    [[undefined, 1], [null, 1]],
    [date, '2026-11-24T08:00:00.500Z'],
    [new URL('https://shop.test/a?b'), 'https://shop.test/a?b'],
    [{ toJSON: () => ({ c: 1 }) }, { c: 1 }],
    [{ toJSON: () => undefined }, null],
    [new Map([['k', date]]), { k: '2026-11-24T08:00:00.500Z' }],
    [new Set([1, 2]), [1, 2]],
    [new Price(), { amount: 3 }],
    [Object.create(null, { x: { value: 1, enumerable: true } }), { x: 1 }],
    [new Uint8Array([1, 2]), Buffer.from([1, 2])],
    [new Uint8Array([1, 2]).buffer, Buffer.from([1, 2])],
    [new DataView(new Uint8Array([1, 2, 3]).buffer, 1), Buffer.from([2, 3])],
    [new Float64Array([1.5]), [1.5]],
    [new BigInt64Array([5n]), [5]],
    [Object(7), 7],
    [Object('text'), 'text'],
    [10n, 10],
    [2n ** 64n - 1n, 2n ** 64n - 1n],
    [-(2n ** 63n), -(2n ** 63n)],
    ['lone \ud800 surrogate', 'lone \ufffd surrogate'],
    [JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}')],
  ];
  for (const [given, expected] of cases) assert.deepEqual(decode(encoded(given)), expected);
  const { name, message, stack, code } = decode(
    encoded(Object.assign(new RangeError('far'), { code: 'E' })),
  ) as Record<string, string>;
  assert.deepEqual([name, message, code], ['RangeError', 'far', 'E']);
  assert.match(stack, /^RangeError: far\n/);
});

test('what cannot be stored is refused with the way to it', () => {
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  const cases: [unknown, RegExp][] = [
    [{ data: { price: NaN } }, /^data\.price: NaN is not a number/],
    [{ list: [1, { 'odd key': -Infinity }] }, /^list\[1\]\["odd key"\]: -Infinity/],
    [{ a: () => 1 }, /^a: a function is no data/],
    [{ a: Symbol('s') }, /^a: a symbol is no data/],
    [{ a: Promise.resolve(1) }, /^a: is a Promise; await it first/],
    [{ a: new Date(NaN) }, /^a: an invalid Date/],
    [{ a: new Map([[1, 2]]) }, /^a: a Map with keys that are not strings/],
    [{ a: 2n ** 64n }, /^a: 18446744073709551616n needs more than 64 bits/],
    [{ a: -(2n ** 63n) - 1n }, /needs more than 64 bits/],
    [{ a: /x/ }, /^a: a RegExp is no data/],
    [{ a: new WeakMap() }, /^a: a WeakMap is no data/],
    [{ a: new Float32Array([NaN]) }, /^a\[0\]: NaN/],
    [loop, /^self\.self\.self.*: refers to itself, or is nested deeper than 256 levels/],
    [undefined, /undefined is no value/],
  ];
  for (const [value, message] of cases) {
    assert.throws(
      () => encoded(value),
      (error: Error) => error instanceof EncodeError && message.test(error.message),
    );
  }
});
