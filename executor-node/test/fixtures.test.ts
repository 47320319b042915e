import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DecodeError } from '../src/ipc/decoder.ts';
import { FrameReader } from '../src/ipc/frame-reader.ts';
import { type Fixture, fixtures, FOLDER, manifest } from './fixtures.ts';

const listed: Fixture[] = JSON.parse(
  readFileSync(join(FOLDER, 'manifest.json'), 'utf8'),
);
const bytesOf = (fixture: Fixture): Buffer => readFileSync(join(FOLDER, fixture.file));

test('the files are what the generator writes', () => {
  const made = fixtures();
  assert.equal(
    readFileSync(join(FOLDER, 'manifest.json'), 'utf8'),
    manifest(made),
  );
  for (const fixture of made) {
    assert.deepEqual(bytesOf(fixture), fixture.bytes, fixture.file);
  }
  assert.equal(
    readdirSync(FOLDER).length,
    made.length + 1,
    'no file that the manifest does not know',
  );
});

for (const fixture of listed) {
  test(`${fixture.file}: ${fixture.description}`, () => {
    for (const size of [1, 7, Number.MAX_SAFE_INTEGER]) {
      assert.deepEqual(read(bytesOf(fixture), size), expected(fixture));
    }
  });
}

/** Frames and the end, fed in pieces of `size` bytes. */
function read(
  bytes: Buffer,
  size: number,
): { frames: unknown[]; failed: boolean } {
  const reader = new FrameReader();
  const frames: unknown[] = [];
  const pieces = bytes.length > 10_000 ? bytes.length : size;
  try {
    for (let at = 0; at < bytes.length; at += pieces) {
      for (const frame of reader.feed(bytes.subarray(at, at + pieces))) {
        frames.push(shown(frame));
      }
    }
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return { frames, failed: true };
  }
  return { frames, failed: reader.pending > 0 };
}

const expected = (fixture: Fixture): unknown => ({
  frames: fixture.frames,
  failed: fixture.error !== undefined,
});

/** A decoded value in the manifest's notation. */
function shown(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return { $bin: value.toString('base64') };
  if (typeof value === 'bigint') return { $int: String(value) };
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return { $float: String(value) };
  }
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return value;
  if ('ext' in value) {
    return { $time: timestamp((value as unknown as { data: Buffer }).data) };
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, shown(member)]),
  );
}

function timestamp(data: Buffer): string {
  const seconds = data.length === 4
    ? BigInt(data.readUInt32BE())
    : data.length === 8
    ? data.readBigUInt64BE() & 0x3_ffff_ffffn
    : data.readBigInt64BE(4);
  const nanoseconds = data.length === 4
    ? 0n
    : data.length === 8
    ? data.readBigUInt64BE() >> 34n
    : BigInt(data.readUInt32BE());
  const text = new Date(
    Number(seconds) * 1000 + Number(nanoseconds / 1_000_000n),
  ).toISOString();
  return text.replace(/\.?0*Z$/, 'Z');
}
