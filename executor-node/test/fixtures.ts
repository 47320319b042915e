// Writes Tests/Fixtures/frames: byte files that the Swift and the TypeScript tests both read, and manifest.json, which
// says what is in them. Deterministic: running it again changes nothing.
//
//   node executor-node/test/fixtures.ts
import { Buffer } from 'node:buffer';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Encoder } from '../src/ipc/encoder.ts';
import { encodeChunkHead, encodeFileHead } from '../src/ipc/frames.ts';
import { PAYLOAD_LIMIT } from '../src/ipc/limits.ts';

export const FOLDER = join(
  import.meta.dirname ?? '.',
  '../../Tests/Fixtures/frames',
);

/**
 * One byte file. `frames` are what decodes before `error`, if there is one; binary stands as
 * `{"$bin": base64}`, an integer beyond 2^53 as `{"$int": text}`, NaN and infinities as `{"$float": text}`, a timestamp
 * as `{"$time": RFC 3339}`.
 */
export interface Fixture {
  file: string;
  description: string;
  frames: unknown[];
  error?:
    | 'truncated'
    | 'oversized'
    | 'undecodable'
    | 'not_a_map'
    | 'key_not_a_string';
}

const RUN = '01981c2e-7a00-7000-8000-000000000001';
const eventID = (seq: number): string => `00000000-0000-4000-8000-${String(seq).padStart(12, '0')}`;

const envelope = (
  seq: number,
  type: string,
  payload: unknown,
  more: object = {},
): Record<string, unknown> => ({
  contract_version: '0.1.0',
  event_id: eventID(seq),
  run_id: RUN,
  seq,
  type,
  ts: '2026-11-24T08:00:00.000Z',
  payload,
  attempt: 1,
  ...more,
});

/** Length and payload. */
function framed(payload: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(payload.length);
  return Buffer.concat([head, payload]);
}

function frame(value: unknown): Buffer {
  const encoder = new Encoder();
  encoder.value(value);
  return framed(Buffer.from(encoder.peek()));
}

function withData(head: (encoder: Encoder) => void, data: Buffer): Buffer {
  const encoder = new Encoder();
  head(encoder);
  encoder.raw(data);
  return framed(Buffer.from(encoder.peek()));
}

const chunk = (
  seq: number,
  is_last: boolean,
  data: Buffer,
  artifact_id = 'a-1',
): Buffer =>
  withData(
    (e) => encodeChunkHead(e, { artifact_id, seq, is_last }, data.length),
    data,
  );
const chunkShown = (
  seq: number,
  is_last: boolean,
  data: Buffer,
  artifact_id = 'a-1',
): unknown => ({
  type: 'artifact_chunk',
  artifact_id,
  seq,
  is_last,
  data: { $bin: data.toString('base64') },
});
const file = (write_id: number, filename: string, data: Buffer): Buffer =>
  withData(
    (e) =>
      encodeFileHead(
        e,
        { write_id, filename, content_type: 'text/plain' },
        data.length,
      ),
    data,
  );
const fileShown = (
  write_id: number,
  filename: string,
  data: Buffer,
): unknown => ({
  type: 'file_write',
  write_id,
  filename,
  content_type: 'text/plain',
  data: { $bin: data.toString('base64') },
});

/** A map whose values are given as raw MessagePack, for forms that our encoder never chooses. */
function rawMap(entries: [key: string, bytes: number[]][]): Buffer {
  const encoder = new Encoder();
  encoder.mapHead(entries.length);
  for (const [key, bytes] of entries) {
    encoder.string(key);
    encoder.raw(Uint8Array.from(bytes));
  }
  return Buffer.from(encoder.peek());
}

/** An `item` event whose payload is raw MessagePack. */
function rawItem(seq: number, data: Buffer): Buffer {
  const encoder = new Encoder();
  const { payload: _, ...rest } = envelope(seq, 'item', null);
  encoder.mapHead(Object.keys(rest).length + 1);
  for (const [key, value] of Object.entries(rest)) {
    encoder.string(key);
    encoder.value(value);
  }
  encoder.string('payload');
  encoder.mapHead(2);
  encoder.string('item_type');
  encoder.string('raw');
  encoder.string('data');
  encoder.raw(data);
  return framed(Buffer.from(encoder.peek()));
}

const rawItemShown = (seq: number, data: unknown): unknown =>
  envelope(seq, 'item', { item_type: 'raw', data });

const INTEGER_FORMS: [key: string, bytes: number[], value: number | string][] = [
  ['fixint_0', [0x00], 0],
  ['fixint_127', [0x7f], 127],
  ['negative_fixint', [0xff], -1],
  ['negative_fixint_least', [0xe0], -32],
  ['uint8', [0xcc, 0xff], 255],
  ['uint8_small', [0xcc, 0x01], 1],
  ['uint16', [0xcd, 0xff, 0xff], 65535],
  ['uint32', [0xce, 0xff, 0xff, 0xff, 0xff], 4294967295],
  [
    'uint64',
    [0xcf, 0x00, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    9007199254740991,
  ],
  ['uint64_small', [0xcf, 0, 0, 0, 0, 0, 0, 0, 7], 7],
  [
    'uint64_greatest',
    [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    '18446744073709551615',
  ],
  ['int8', [0xd0, 0x80], -128],
  ['int8_positive', [0xd0, 0x05], 5],
  ['int16', [0xd1, 0x80, 0x00], -32768],
  ['int32', [0xd2, 0x80, 0x00, 0x00, 0x00], -2147483648],
  ['int64_least', [0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], '-9223372036854775808'],
];

const FLOAT_FORMS: [key: string, bytes: number[], value: number][] = [
  ['float32', [0xca, 0x3f, 0xc0, 0x00, 0x00], 1.5],
  ['float64', [0xcb, 0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a], 0.1],
  ['float64_whole', [0xcb, 0x40, 0x08, 0, 0, 0, 0, 0, 0], 3],
  [
    'float64_small',
    [0xcb, 0x3e, 0x45, 0x79, 0x8e, 0xe2, 0x30, 0x8c, 0x3a],
    1e-8,
  ],
];

/** A key whose value JSON cannot show as a number stands as `{"$int": "…"}`. */
const shownInteger = (value: number | string): unknown => typeof value === 'string' ? { $int: value } : value;

interface Made extends Fixture {
  bytes: Buffer;
}

const EVENTS: [type: string, payload: Record<string, unknown>][] = [
  ['item', {
    item_type: 'product',
    data: {
      sku: 'P-1',
      price: 9.5,
      tags: ['a', 'b'],
      stock: null,
      sold: false,
    },
  }],
  ['artifact', {
    artifact_id: 'a-1',
    name: 'page.png',
    content_type: 'image/png',
    size_bytes: 6,
  }],
  ['checkpoint', { checkpoint_id: 'page-3', note: 'half way' }],
  ['enqueue', {
    target: 'detail.ts',
    params: { url: 'https://shop.test/1' },
    source: 'shop',
    category: 'details',
    options: {
      lane: 'high',
      delay_ms: 1500,
      timeout_ms: 60000,
      dedup_key: '1',
      host: 'shop.test',
    },
  }],
  ['rotate_proxy', { reason: 'blocked' }],
  ['log', { level: 'warn', message: 'slow', fields: { ms: 1200 } }],
  ['run_error', {
    error_type: 'script_error',
    message: 'no price',
    stack: 'Error: no price\n    at detail.ts:3:9',
  }],
  ['run_complete', { summary: { pages: 3 } }],
];

const TEXT = {
  plain: 'a/b "q" \\ \n\t\u0001',
  wide: 'žluťoučký kůň 漢字 🐎',
  empty: '',
  long: 'x'.repeat(40),
  longer: 'ř'.repeat(300),
};

function eventFiles(): Made[] {
  return EVENTS.map(([type, payload]) => {
    const event = envelope(1, type, payload);
    return {
      file: `event_${type}.bin`,
      description: `one ${type} event`,
      frames: [event],
      bytes: frame(event),
    };
  });
}

function good(): Made[] {
  const lineage = envelope(1, 'item', { item_type: 't', data: {} }, {
    job_id: 'job-1',
    parent_run_id: 'run-0',
    depth: 2,
    attempt: 3,
    x_extra: { kept: [1, 2] },
  });
  const unknownType = envelope(1, 'page_seen', { url: 'https://shop.test/' });
  const bytes = Buffer.from([0, 1, 2, 0xfd, 0xfe, 0xff]);
  const empty = Buffer.alloc(0);
  const run = [
    envelope(1, 'log', { level: 'info', message: 'begin' }),
    envelope(2, 'item', { item_type: 't', data: { n: 1 } }),
    envelope(3, 'run_complete', {}),
    { type: 'run_result', outcome: { status: 'completed' } },
  ];
  const failed = {
    type: 'run_result',
    outcome: {
      status: 'error',
      message: 'no price',
      error_type: 'script_error',
      stack: 'Error: no price',
    },
    proxy_used: {
      protocol: 'http',
      host: 'proxy.test',
      port: 8080,
      username: 'u',
    },
    hosts: [{ host: 'shop.test', status: 429, retry_after_ms: 2000, ms: 31 }],
  };
  const crashed = {
    type: 'run_result',
    outcome: { status: 'crash', message: 'no browser' },
  };
  const many = Object.fromEntries(
    Array.from({ length: 20 }, (_, n) => [`key_${n}`, n]),
  );
  const wide = envelope(1, 'item', {
    item_type: 't',
    data: { many, list: Object.keys(many) },
  });
  return [
    ...eventFiles(),
    {
      file: 'envelope_full.bin',
      description: 'an event with lineage, a later attempt and an unknown extra key',
      frames: [lineage],
      bytes: frame(lineage),
    },
    {
      file: 'event_unknown_type.bin',
      description: 'an event of a type that this version does not know',
      frames: [unknownType],
      bytes: frame(unknownType),
    },
    {
      file: 'text.bin',
      description: 'strings: escapes, wide characters, empty, str8, str16',
      frames: [envelope(1, 'item', { item_type: 't', data: TEXT })],
      bytes: frame(envelope(1, 'item', { item_type: 't', data: TEXT })),
    },
    {
      file: 'wide.bin',
      description: 'map16 and array16',
      frames: [wide],
      bytes: frame(wide),
    },
    {
      file: 'wide_forms.bin',
      description: 'array32, map32, str32 and bin32 that hold little',
      frames: [
        rawItemShown(1, {
          list: [1, 2],
          map: { k: true },
          text: 'abc',
          data: { $bin: 'AQI=' },
        }),
      ],
      bytes: rawItem(
        1,
        rawMap([
          ['list', [0xdd, 0, 0, 0, 2, 1, 2]],
          ['map', [0xdf, 0, 0, 0, 1, 0xa1, 0x6b, 0xc3]],
          ['text', [0xdb, 0, 0, 0, 3, 0x61, 0x62, 0x63]],
          ['data', [0xc6, 0, 0, 0, 2, 1, 2]],
        ]),
      ),
    },
    {
      file: 'integers.bin',
      description: 'an integer in every width, also wider than it needs',
      frames: [
        rawItemShown(
          1,
          Object.fromEntries(
            INTEGER_FORMS.map(([key, , value]) => [key, shownInteger(value)]),
          ),
        ),
      ],
      bytes: rawItem(
        1,
        rawMap(INTEGER_FORMS.map(([key, form]) => [key, form])),
      ),
    },
    {
      file: 'floats.bin',
      description: 'float32, float64, a whole and a small one',
      frames: [
        rawItemShown(
          1,
          Object.fromEntries(FLOAT_FORMS.map(([key, , value]) => [key, value])),
        ),
      ],
      bytes: rawItem(1, rawMap(FLOAT_FORMS.map(([key, form]) => [key, form]))),
    },
    {
      file: 'nan.bin',
      description: 'NaN and infinities: they decode, and no policy can store them',
      frames: [
        rawItemShown(1, {
          nan: { $float: 'NaN' },
          up: { $float: 'Infinity' },
          down: { $float: '-Infinity' },
        }),
      ],
      bytes: rawItem(
        1,
        rawMap([
          ['nan', [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]],
          ['up', [0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0]],
          ['down', [0xcb, 0xff, 0xf0, 0, 0, 0, 0, 0, 0]],
        ]),
      ),
    },
    {
      file: 'binary.bin',
      description: 'binary in a payload: bin8, bin16, and empty',
      frames: [
        envelope(1, 'item', {
          item_type: 't',
          data: {
            b: { $bin: bytes.toString('base64') },
            e: { $bin: '' },
            w: { $bin: Buffer.alloc(300, 7).toString('base64') },
          },
        }),
      ],
      bytes: frame(
        envelope(1, 'item', {
          item_type: 't',
          data: { b: bytes, e: empty, w: Buffer.alloc(300, 7) },
        }),
      ),
    },
    {
      file: 'timestamps.bin',
      description: 'the timestamp extension in 32, 64 and 96 bits',
      frames: [
        rawItemShown(1, {
          t32: { $time: '2026-11-24T08:00:00Z' },
          t64: { $time: '2026-11-24T08:00:00.5Z' },
          t96: { $time: '1969-12-31T23:59:59Z' },
        }),
      ],
      bytes: rawItem(
        1,
        rawMap([
          ['t32', [0xd6, 0xff, ...bigEndian(1795507200n, 4)]],
          ['t64', [
            0xd7,
            0xff,
            ...bigEndian((500_000_000n << 34n) | 1795507200n, 8),
          ]],
          ['t96', [0xc7, 12, 0xff, 0, 0, 0, 0, ...bigEndian(-1n, 8)]],
        ]),
      ),
    },
    {
      file: 'invalid_utf8.bin',
      description: 'a string that is no UTF-8 becomes U+FFFD',
      frames: [rawItemShown(1, { s: 'a\uFFFDb' })],
      bytes: rawItem(1, rawMap([['s', [0xa3, 0x61, 0xff, 0x62]]])),
    },
    {
      file: 'size_bytes_uint64.bin',
      description: 'size_bytes in the widest integer form',
      frames: [
        envelope(1, 'artifact', {
          artifact_id: 'a-1',
          name: 'n',
          content_type: 't',
          size_bytes: 6,
        }),
      ],
      bytes: widestSize(),
    },
    {
      file: 'size_bytes_float.bin',
      description: 'size_bytes as a whole float64',
      frames: [
        envelope(1, 'artifact', {
          artifact_id: 'a-1',
          name: 'n',
          content_type: 't',
          size_bytes: 6,
        }),
      ],
      bytes: widestSize([0xcb, 0x40, 0x18, 0, 0, 0, 0, 0, 0]),
    },
    {
      file: 'artifact.bin',
      description: 'two chunks and their commit',
      frames: [
        chunkShown(1, false, bytes.subarray(0, 4)),
        chunkShown(2, true, bytes.subarray(4)),
        envelope(1, 'artifact', EVENTS[1][1]),
      ],
      bytes: Buffer.concat([
        chunk(1, false, bytes.subarray(0, 4)),
        chunk(2, true, bytes.subarray(4)),
        frame(envelope(1, 'artifact', EVENTS[1][1])),
      ]),
    },
    {
      file: 'artifact_empty.bin',
      description: 'an artifact of no bytes: one empty chunk with is_last',
      frames: [
        chunkShown(1, true, empty),
        envelope(1, 'artifact', { ...EVENTS[1][1], size_bytes: 0 }),
      ],
      bytes: Buffer.concat([
        chunk(1, true, empty),
        frame(envelope(1, 'artifact', { ...EVENTS[1][1], size_bytes: 0 })),
      ]),
    },
    {
      file: 'file_write.bin',
      description: 'a file with an ack, and one without',
      frames: [fileShown(1, 'a.txt', bytes), fileShown(0, 'b.txt', empty)],
      bytes: Buffer.concat([file(1, 'a.txt', bytes), file(0, 'b.txt', empty)]),
    },
    {
      file: 'file_write_ack.bin',
      description: 'acks, runtime to executor: ok, ok with a nil error, failed',
      frames: [{ type: 'file_write_ack', write_id: 1, ok: true }, {
        type: 'file_write_ack',
        write_id: 2,
        ok: true,
        error: null,
      }, {
        type: 'file_write_ack',
        write_id: 4294967295,
        ok: false,
        error: 'disk full',
      }],
      bytes: Buffer.concat([
        frame({ type: 'file_write_ack', write_id: 1, ok: true }),
        frame({ type: 'file_write_ack', write_id: 2, ok: true, error: null }),
        frame({
          type: 'file_write_ack',
          write_id: 4294967295,
          ok: false,
          error: 'disk full',
        }),
      ]),
    },
    {
      file: 'run_result.bin',
      description: 'a failed run with its proxy and hosts',
      frames: [failed],
      bytes: frame(failed),
    },
    {
      file: 'run_result_crash.bin',
      description: 'a crash',
      frames: [crashed],
      bytes: frame(crashed),
    },
    {
      file: 'run.bin',
      description: 'a whole small run',
      frames: run,
      bytes: Buffer.concat(run.map(frame)),
    },
    {
      file: 'empty.bin',
      description: 'no frame at all',
      frames: [],
      bytes: empty,
    },
  ];
}

function bad(): Made[] {
  const first = envelope(1, 'item', { item_type: 't', data: { n: 1 } });
  const whole = frame(first);
  const oversized = Buffer.alloc(4);
  oversized.writeUInt32BE(PAYLOAD_LIMIT + 1);
  return [
    {
      file: 'truncated_length.bin',
      description: 'ends inside the length',
      frames: [first],
      error: 'truncated',
      bytes: Buffer.concat([whole, Buffer.from([0, 0])]),
    },
    {
      file: 'truncated_payload.bin',
      description: 'ends inside the payload of the second frame',
      frames: [first],
      error: 'truncated',
      bytes: Buffer.concat([whole, whole.subarray(0, whole.length - 5)]),
    },
    {
      file: 'truncated_after_length.bin',
      description: 'a length and nothing behind it',
      frames: [],
      error: 'truncated',
      bytes: whole.subarray(0, 4),
    },
    {
      file: 'oversized.bin',
      description: 'a length one byte over the limit',
      frames: [first],
      error: 'oversized',
      bytes: Buffer.concat([whole, oversized]),
    },
    {
      file: 'oversized_greatest.bin',
      description: 'the greatest length; also what text on the pipe looks like',
      frames: [],
      error: 'oversized',
      bytes: Buffer.from('ffffffff', 'hex'),
    },
    {
      file: 'text_on_the_pipe.bin',
      description: 'a line of text instead of a frame',
      frames: [],
      error: 'oversized',
      bytes: Buffer.from('hello from a library\n'),
    },
    {
      file: 'undecodable.bin',
      description: '0xc1 begins no value',
      frames: [first],
      error: 'undecodable',
      bytes: Buffer.concat([whole, framed(Buffer.from([0xc1, 0x01, 0x02]))]),
    },
    {
      file: 'undecodable_inside.bin',
      description: 'a map that promises more than its frame holds',
      frames: [],
      error: 'undecodable',
      bytes: framed(Buffer.from([0x82, 0xa1, 0x61, 0x01])),
    },
    {
      file: 'undecodable_count.bin',
      description: 'an array32 of 4 billion values in five bytes',
      frames: [],
      error: 'undecodable',
      bytes: framed(
        Buffer.from([0x81, 0xa1, 0x61, 0xdd, 0xff, 0xff, 0xff, 0xff]),
      ),
    },
    {
      file: 'undecodable_trailing.bin',
      description: 'bytes left after the value',
      frames: [],
      error: 'undecodable',
      bytes: framed(Buffer.from([0x80, 0x00])),
    },
    {
      file: 'undecodable_nested.bin',
      description: 'arrays nested 100,000 deep',
      frames: [],
      error: 'undecodable',
      bytes: framed(
        Buffer.concat([
          Buffer.from([0x81, 0xa1, 0x61]),
          Buffer.alloc(100_000, 0x91),
          Buffer.from([0xc0]),
        ]),
      ),
    },
    {
      file: 'undecodable_empty.bin',
      description: 'a frame of no bytes',
      frames: [],
      error: 'undecodable',
      bytes: Buffer.alloc(4),
    },
    {
      file: 'not_a_map_array.bin',
      description: 'a frame that is an array',
      frames: [],
      error: 'not_a_map',
      bytes: frame([1, 2]),
    },
    {
      file: 'not_a_map_text.bin',
      description: 'a frame that is a string',
      frames: [],
      error: 'not_a_map',
      bytes: frame('item'),
    },
    {
      file: 'key_not_a_string.bin',
      description: 'a payload with an integer for a key',
      frames: [],
      error: 'key_not_a_string',
      bytes: rawItem(1, Buffer.from([0x81, 0x01, 0x02])),
    },
  ];
}

function bigEndian(value: bigint, size: number): number[] {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return [...bytes.subarray(8 - size)];
}

/** An artifact event with `size_bytes` in a form that our encoder does not choose for 6. */
function widestSize(form = [0xcf, 0, 0, 0, 0, 0, 0, 0, 6]): Buffer {
  const text = frame(
    envelope(1, 'artifact', {
      artifact_id: 'a-1',
      name: 'n',
      content_type: 't',
      size_bytes: 6,
    }),
  );
  const key = Buffer.from('size_bytes');
  const at = text.indexOf(key) + key.length;
  return framed(
    Buffer.concat([
      text.subarray(4, at),
      Buffer.from(form),
      text.subarray(at + 1),
    ]),
  );
}

export const fixtures = (): Made[] => [...good(), ...bad()];

/** The text of manifest.json. */
export const manifest = (made: Made[]): string =>
  `[\n${made.map(({ bytes: _, ...shown }) => JSON.stringify(shown)).join(',\n')}\n]\n`;

if (import.meta.main) {
  mkdirSync(FOLDER, { recursive: true });
  const made = fixtures();
  for (const { file: name, bytes } of made) {
    writeFileSync(join(FOLDER, name), bytes);
  }
  writeFileSync(join(FOLDER, 'manifest.json'), manifest(made));
}
