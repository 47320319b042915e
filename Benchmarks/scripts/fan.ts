// The root enqueues `children` runs of itself; each emits `items` items with its process and what that holds.
import type { QuarryContext } from '../../sdk/src/index.ts';

interface Job {
  children?: number;
  items?: number;
  n?: number;
}

export const config = { browser: false };

export default async function fan({ job, emit }: QuarryContext<Job>): Promise<void> {
  for (let n = 0; n < (job.children ?? 0); n++) {
    await emit.enqueue({ target: 'fan.ts', params: { n, items: job.items } });
  }
  if (job.children) return;
  for (let index = 0; index < (job.items ?? 0); index++) {
    await emit.item({
      item_type: 'product',
      data: { sku: `Q${index}`, pid: process.pid, rss: process.memoryUsage.rss() },
    });
  }
}
