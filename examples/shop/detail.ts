// Reads one product page: an item with its facts, and its picture as a file beside them.
import type { QuarryContext } from '../../sdk/src/index.ts';

interface Job {
  url: string;
}

export default async function detail({ page, job, emit, storage }: QuarryContext<Job>): Promise<void> {
  const response = await page.goto(job.url, { waitUntil: 'domcontentloaded' });
  if (!response?.ok()) throw new Error(`${job.url} answered ${response?.status()}`);

  const found = await page.evaluate(async () => {
    const text = (selector: string): string => document.querySelector(selector)?.textContent ?? '';
    const article = document.querySelector('article') as HTMLElement;
    const image = document.querySelector('img') as HTMLImageElement;
    return {
      sku: article.dataset.sku,
      name: text('h1'),
      category: article.dataset.category,
      price: text('.price'),
      currency: (document.querySelector('.price') as HTMLElement).dataset.currency,
      stock: text('.stock'),
      rating: text('.rating'),
      picture: await (await fetch(image.src)).text(),
    };
  });

  const { key } = await storage.put({
    filename: `${found.sku}.svg`,
    content_type: 'image/svg+xml',
    data: Buffer.from(found.picture),
  });
  await emit.item({
    item_type: 'product',
    data: {
      sku: found.sku,
      name: found.name,
      category: found.category,
      price_cents: Math.round(Number(found.price) * 100),
      currency: found.currency,
      in_stock: found.stock === 'In stock',
      rating: Math.round(Number.parseFloat(found.rating) * 10),
      path: new URL(job.url).pathname,
      picture: key,
    },
  });
}
