// As ../detail.ts, without a browser: one product, and its picture as a file beside it.
import type { QuarryContext, ScriptConfig } from '../../../sdk/src/index.ts';
import { between, fetchPage } from './page.ts';

export const config: ScriptConfig = { browser: false };

interface Job {
  url: string;
}

export default async function detail({ job, emit, storage }: QuarryContext<Job>): Promise<void> {
  const text = await fetchPage(job.url, emit);
  const sku = between(text, 'data-sku="', '"');
  const picture = await fetch(new URL(between(text, '<img src="', '"'), job.url));
  if (!picture.ok) throw new Error(`the picture of ${sku} answered ${picture.status}`);
  const { key } = await storage.put({
    filename: `${sku}.svg`,
    content_type: 'image/svg+xml',
    data: Buffer.from(await picture.text()),
  });
  const price = /<p class="price" data-currency="(\w+)">([\d.]+)/.exec(text);
  await emit.item({
    item_type: 'product',
    data: {
      sku,
      name: between(text, '<h1>', '</h1>'),
      category: between(text, 'data-category="', '"'),
      price_cents: Math.round(Number(price?.[2]) * 100),
      currency: price?.[1],
      in_stock: text.includes('>In stock<'),
      rating: Math.round(Number.parseFloat(between(text, 'class="rating">', ' of')) * 10),
      path: new URL(job.url).pathname,
      picture: key,
    },
  });
}
