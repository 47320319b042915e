// Finds the way through the shop: the front page's categories, then each list page's products and its next page.
import type { QuarryContext } from '../../sdk/src/index.ts';

interface Job {
  /** Where to begin: the shop's front page, or one of its list pages. */
  url: string;
}

export default async function list({ page, job, emit, run }: QuarryContext<Job>): Promise<void> {
  const response = await page.goto(job.url, { waitUntil: 'domcontentloaded' });
  if (!response?.ok()) throw new Error(`${job.url} answered ${response?.status()}`);

  const links = (selector: string): Promise<string[]> =>
    page.$$eval(
      selector,
      (anchors: Element[]) => anchors.map((anchor) => (anchor as HTMLAnchorElement).href),
    );

  for (const url of await links('a.category')) await emit.enqueue({ target: 'list.ts', params: { url } });
  for (const url of await links('a.product')) await emit.enqueue({ target: 'detail.ts', params: { url } });
  for (const url of await links('a[rel=next]')) await emit.enqueue({ target: 'list.ts', params: { url } });

  await emit.artifact({
    name: `${new URL(job.url).pathname.replaceAll('/', '_')}.png`,
    content_type: 'image/png',
    data: await page.screenshot(),
  });
  await emit.info('list page read', { url: job.url, attempt: run.attempt });
}
