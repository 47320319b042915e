// The root enqueues `children` visits of `url`; each emits what the page is called.
import type { QuarryContext } from '../../sdk/src/index.ts';

interface Job {
  children?: number;
  url: string;
}

export default async function visits({ job, page, emit }: QuarryContext<Job>): Promise<void> {
  for (let n = 0; n < (job.children ?? 0); n++) {
    await emit.enqueue({ target: 'visits.ts', params: { url: `${job.url}?${n}` } });
  }
  await page.goto(job.url);
  await emit.item({ item_type: 'page', data: { title: await page.evaluate(() => document.title) } });
}
