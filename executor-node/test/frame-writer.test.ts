import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openChannel } from '../src/ipc/channel.ts';
import { EncodeError } from '../src/ipc/encode-error.ts';
import { FrameReader } from '../src/ipc/frame-reader.ts';
import { FrameWriter } from '../src/ipc/frame-writer.ts';
import { temporaryFolder } from './support.ts';

/** A real pipe with a writer on it, and its reading end. */
function makePipe(
  t: TestContext,
): { writer: FrameWriter; read: (most?: number) => Buffer; closeReader: () => void } {
  const path = join(temporaryFolder(t), 'pipe');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = new FrameWriter(
    openChannel(openSync(path, constants.O_WRONLY)),
    (cause) => new Error('sink', { cause }),
  );
  const buffer = Buffer.alloc(64 * 1024);
  let open = true;
  const closeReader = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  t.after(closeReader);
  return {
    writer,
    read: (most = buffer.length) => {
      try {
        return Buffer.from(buffer.subarray(0, readSync(fd, buffer, 0, most, null)));
      } catch {
        return Buffer.alloc(0);
      }
    },
    closeReader,
  };
}

const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  const turn = new Promise((resolve) => setTimeout(resolve, 5, 'turn'));
  return await Promise.race([promise, turn]) !== 'turn';
};

const item = (n: number, size = 0): object => ({ n, text: 'x'.repeat(size) });

test('frames keep the order of the calls, also around large data', async (t) => {
  const { writer, read } = makePipe(t);
  const big = Buffer.alloc(300_000, 7);
  writer.frame((encoder) => encoder.value(item(1)));
  writer.frame((encoder) => {
    encoder.mapHead(1);
    encoder.string('data');
    encoder.binaryHead(big.length);
  }, big);
  const last = writer.frame((encoder) => encoder.value(item(3)));
  const reader = new FrameReader();
  const frames: Record<string, unknown>[] = [];
  while (frames.length < 3) {
    frames.push(...reader.feed(read()));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await last;
  assert.deepEqual([frames[0].n, (frames[1].data as Buffer).equals(big), frames[2].n], [1, true, 3]);
});

test('a frame that is refused leaves nothing behind', async (t) => {
  const { writer, read } = makePipe(t);
  writer.frame((encoder) => encoder.value(item(1)));
  assert.throws(() => writer.frame((encoder) => encoder.value({ a: 1, b: NaN })), EncodeError);
  assert.throws(
    () => writer.frame((encoder) => encoder.value({ text: 'x'.repeat(16 * 1024 * 1024) })),
    /a frame holds at most/,
  );
  await writer.frame((encoder) => encoder.value(item(2)));
  await writer.flush();
  assert.deepEqual([...new FrameReader().feed(read())].map(({ n }) => n), [1, 2]);
});

test('a call waits while nobody reads, and goes on when somebody does', async (t) => {
  const { writer, read } = makePipe(t);
  const waiting = writer.frame((encoder) => encoder.value(item(1, 200_000)));
  assert.equal(await isSettled(waiting), false);
  let bytes = 0;
  while (!await isSettled(waiting)) while (read().length > 0) bytes++;
  assert.ok(bytes > 0);
});

test('data may be changed as soon as the call has returned, also while the pipe is full', async (t) => {
  const { writer, read } = makePipe(t);
  const data = Buffer.alloc(400_000);
  const send = (fill: number): void => {
    data.fill(fill);
    writer.frame((encoder) => {
      encoder.mapHead(1);
      encoder.string('data');
      encoder.binaryHead(data.length);
    }, data);
  };
  for (const fill of [1, 2, 3]) send(fill);
  data.fill(9);
  const reader = new FrameReader();
  const frames: Record<string, unknown>[] = [];
  while (frames.length < 3) {
    frames.push(...reader.feed(read()).map(({ data }) => ({ data: Buffer.from(data as Buffer) })));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const isAll = (index: number, value: number) =>
    (frames[index].data as Buffer).every((byte) => byte === value);
  assert.deepEqual([isAll(0, 1), isAll(1, 2), isAll(2, 3)], [true, true, true]);
});

test('calls that nobody awaits block instead of filling memory', (t) => {
  const { writer, read } = makePipe(t);
  // The reader's turn comes only from within the writer's own loop, as that of another process would.
  const reader = new FrameReader();
  const seen: number[] = [];
  const drain = (): void => {
    for (let bytes = read(); bytes.length > 0; bytes = read()) {
      for (const frame of reader.feed(bytes)) seen.push(frame.n as number);
    }
  };
  t.mock.method(Atomics, 'wait', () => {
    drain();
    return 'timed-out';
  });
  for (let n = 0; n < 400; n++) writer.frame((encoder) => encoder.value(item(n, 100_000)));
  assert.ok(seen.length > 200, `${seen.length} of 40 MB were let through`);
  assert.deepEqual(seen, seen.map((_, index) => index));
});

test('when the reader is gone, every later call rejects', async (t) => {
  const { writer, closeReader } = makePipe(t);
  const failures: Error[] = [];
  writer.onFailure = (failure) => failures.push(failure);
  await writer.frame((encoder) => encoder.value(item(1)));
  await writer.flush();
  closeReader();
  writer.frame((encoder) => encoder.value(item(2)));
  await assert.rejects(writer.flush(), /sink/);
  await assert.rejects(writer.frame((encoder) => encoder.value(item(3))), /sink/);
  assert.equal((writer.failure?.cause as NodeJS.ErrnoException).code, 'EPIPE');
  assert.deepEqual(failures, [writer.failure]);
});

test('what one turn emits leaves in one write, at the end of the turn or when it is much', async (t) => {
  const { writer, read } = makePipe(t);
  await writer.frame((encoder) => encoder.value(item(1)));
  await writer.frame((encoder) => encoder.value(item(2)));
  assert.equal(read().length, 0);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(read().length > 0);
  await writer.frame((encoder) => encoder.value(item(3, 40_000)));
  assert.ok(read().length > 40_000);
});

test('a script that only awaits emits leaves turns to others', async (t) => {
  const { writer, read } = makePipe(t);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  for (const end = performance.now() + 100; performance.now() < end;) {
    await writer.frame((encoder) => encoder.value(item(1)));
    read();
  }
  clearInterval(timer);
  assert.ok(ticks > 0);
});
