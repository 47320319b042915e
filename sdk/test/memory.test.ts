import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemory, type MemorySources } from '../src/index.ts';

const sources = (node: number, browser: number | null, cgroup: number | null): MemorySources => {
  const of = (used: number | null): { used: number; limit: number } | null =>
    used === null ? null : { used, limit: 100 };
  return {
    node: () => ({ used: node, limit: 100 }),
    browser: () => Promise.resolve(of(browser)),
    cgroup: () => Promise.resolve(of(cgroup)),
  };
};

test('a snapshot, which can be emitted as it is', async () => {
  const snapshot = await createMemory(sources(10, 20, null), () => new Date(0)).snapshot();
  assert.deepEqual({ ...snapshot }, {
    ts: '1970-01-01T00:00:00.000Z',
    node: { used: 10, limit: 100, ratio: 0.1 },
    browser: { used: 20, limit: 100, ratio: 0.2 },
    cgroup: null,
    pressure: 'low',
  });
  assert.equal((await createMemory(sources(10, 99, null)).snapshot({ browser: false })).browser, null);
});

test('levels: the fullest source decides', async () => {
  for (
    const [node, browser, cgroup, level] of [
      [49, null, null, 'low'],
      [50, null, null, 'moderate'],
      [10, 69, null, 'moderate'],
      [10, 70, 20, 'high'],
      [10, null, 89, 'high'],
      [10, 20, 90, 'critical'],
    ] as [number, number | null, number | null, string][]
  ) {
    assert.equal((await createMemory(sources(node, browser, cgroup)).snapshot()).pressure, level);
  }
});

test('isAbove and thresholds', async () => {
  const memory = createMemory(sources(60, null, null));
  const snapshot = await memory.snapshot();
  assert.deepEqual(
    (['low', 'moderate', 'high', 'critical'] as const).map((level) => snapshot.isAbove(level)),
    [true, false, false, false],
  );
  assert.equal(await memory.isAbove('moderate', { thresholds: { high: 0.6 } }), true);
  assert.throws(() => snapshot.isAbove('odd' as never), RangeError);
  await assert.rejects(memory.snapshot({ thresholds: { high: 0.1 } }), RangeError);
});
