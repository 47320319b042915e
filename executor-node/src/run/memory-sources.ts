import { promises } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import type { MemorySources } from '../../../sdk/src/index.ts';

interface Numbers {
  used: number;
  limit: number;
}

/** Version 1 says "no limit" with a number near 2^63. */
const NO_LIMIT = 2 ** 60;

export function memorySources(browser: () => Promise<Numbers | null>): MemorySources {
  return { node: nodeHeap, browser, cgroup: () => cgroupMemory() };
}

/** What asks V8 is loaded by the first script that wants to know. */
const nodeHeap = (): Numbers => ({
  used: process.memoryUsage().heapUsed,
  limit: process.getBuiltinModule('node:v8').getHeapStatistics().heap_size_limit,
});

/**
 * The nearest group that limits memory: version 2 first, then version 1; null when none does.
 * @param root the file system's root, other than `/` in tests.
 */
export async function cgroupMemory(root = '/'): Promise<Numbers | null> {
  const groups = await text(join(root, 'proc/self/cgroup')) ?? '';
  return await unified(root, /^0::(.*)$/m.exec(groups)?.[1] ?? '/') ??
    await legacy(root, /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1] ?? '/');
}

const unified = (root: string, group: string): Promise<Numbers | null> =>
  nearest(join(root, 'sys/fs/cgroup'), group, 'memory.current', 'memory.max');

const legacy = (root: string, group: string): Promise<Numbers | null> =>
  nearest(join(root, 'sys/fs/cgroup/memory'), group, 'memory.usage_in_bytes', 'memory.limit_in_bytes');

/** Inside a container the group's own path may not be mounted; then one of its parents answers. */
async function nearest(
  mount: string,
  group: string,
  usedFile: string,
  limitFile: string,
): Promise<Numbers | null> {
  for (let path = join('/', group);; path = dirname(path)) {
    const limit = Number(await text(join(mount, path, limitFile)) ?? Number.NaN);
    const used = Number(await text(join(mount, path, usedFile)) ?? Number.NaN);
    if (used >= 0 && limit > 0 && limit < NO_LIMIT) return { used, limit };
    if (path === '/') return null;
  }
}

const text = (path: string): Promise<string | undefined> =>
  promises.readFile(path, 'utf8').then((content) => content.trim(), () => undefined);
