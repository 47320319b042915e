// An executor that behaves in the way ODD_MODE names. Frames are made by hand here, so that nothing of the real
// executor's care stands in the way.
import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

const { ODD_MODE: mode, ODD_VERSION: version } = process.env;
const script = process.argv[2];

function pack(value) {
  if (typeof value === 'number') {
    const out = Buffer.alloc(5, 0xce);
    out.writeUInt32BE(value, 1);
    return out;
  }
  const head = Buffer.alloc(3);
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    head.writeUInt8(0xda, 0);
    head.writeUInt16BE(text.length, 1);
    return Buffer.concat([head, text]);
  }
  head.writeUInt8(0xde, 0);
  head.writeUInt16BE(Object.keys(value).length, 1);
  return Buffer.concat([head, ...Object.entries(value).flatMap(([key, member]) => [pack(key), pack(member)])]);
}

function put(bytes) {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

function frame(value) {
  const payload = pack(value);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(payload.length);
  return Buffer.concat([head, payload]);
}

const events = {
  item: { item_type: 'thing', data: { n: 1 } },
  run_complete: {},
  run_error: { error_type: 'script_error', message: 'no luck' },
};

const event = (run, seq, type, changes = {}) =>
  frame({
    contract_version: version, event_id: `e${seq}`, run_id: run.run_id, seq, type, ts: new Date().toISOString(),
    payload: events[type], attempt: run.attempt, ...changes,
  });

const modes = {
  complete(run) {
    put(event(run, 1, 'item'));
    put(event(run, 2, 'run_complete'));
  },
  rubbish() {
    put(Buffer.from('this is no frame at all, and longer than four bytes\n'));
  },
  oversized() {
    put(Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 2, 3]));
    setInterval(() => {}, 1000);
  },
  truncated(run) {
    put(event(run, 1, 'item').subarray(0, 30));
  },
  gap(run) {
    put(event(run, 1, 'item'));
    put(event(run, 3, 'item'));
    setInterval(() => {}, 1000);
  },
  'wrong-run'(run) {
    put(event(run, 1, 'item', { run_id: 'another' }));
    setInterval(() => {}, 1000);
  },
  'other-version'(run) {
    put(event(run, 1, 'item', { contract_version: '99.0.0' }));
    setInterval(() => {}, 1000);
  },
  'no-terminal'(run) {
    put(event(run, 1, 'item'));
  },
  'error-exit'(run) {
    put(event(run, 1, 'run_error'));
    process.exit(1);
  },
  'floods-stderr'(run) {
    const noise = 'x'.repeat(99) + '\n';
    for (let count = 0; count < 100_000; count += 1) writeSync(2, noise);
    modes.complete(run);
  },
  grandchild(run) {
    spawn('sh', ['-c', 'sleep 600; :', script], { stdio: ['ignore', 'inherit', 'inherit'], detached: true }).unref();
    modes.complete(run);
  },
  hangs(run) {
    put(event(run, 1, 'item'));
    setInterval(() => {}, 1000);
  },
};

const lasting = ['oversized', 'gap', 'wrong-run', 'other-version', 'hangs'];

if (mode === 'never-reads') {
  setTimeout(() => process.exit(0), 200);
} else {
  const lines = createInterface({ input: process.stdin });
  lines.once('line', (line) => {
    lines.close();
    modes[mode](JSON.parse(line));
    if (!lasting.includes(mode)) process.exit(0);
  });
}
