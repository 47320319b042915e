// As ../list.ts, without a browser: finds the way through the shop in the text of its pages.
import type { QuarryContext, ScriptConfig } from '../../../sdk/src/index.ts';
import { fetchPage, linksOf } from './page.ts';

export const config: ScriptConfig = { browser: false };

interface Job {
  /** Where to begin: the shop's front page, or one of its list pages. */
  url: string;
}

export default async function list({ job, emit }: QuarryContext<Job>): Promise<void> {
  const text = await fetchPage(job.url, emit);
  for (const url of linksOf(text, job.url, 'class="category"')) {
    await emit.enqueue({ target: 'list.ts', params: { url } });
  }
  for (const url of linksOf(text, job.url, 'class="product"')) {
    await emit.enqueue({ target: 'detail.ts', params: { url } });
  }
  for (const url of linksOf(text, job.url, 'rel="next"')) {
    await emit.enqueue({ target: 'list.ts', params: { url } });
  }
}
