// Surveys the demo shop in one run: each product is an item, each category an artifact and a checkpoint, and a good deal is
// said on the way. It knows nothing of policies: the same calls serve both postures.
import type { QuarryContext } from '../../sdk/src/index.ts';

interface Job {
  /** The shop's front page. */
  url: string;
}

type Page = QuarryContext['page'];

export default async function survey({ page, job, emit }: QuarryContext<Job>): Promise<void> {
  const categories = await links(page, job.url, 'a.category');
  for (const category of categories) {
    const names: string[] = [];
    for (let next: string | undefined = category; next; [next] = await links(page, next, 'a[rel=next]')) {
      for (const product of await links(page, next, 'a.product')) {
        await emit.enqueue({ target: '../shop/detail.ts', params: { path: path(product) } });
        const name = await read(page, product, emit);
        if (name) names.push(name);
      }
    }
    const name = path(category).split('/')[2];
    await emit.artifact({ name: `${name}.txt`, content_type: 'text/plain', data: names.join('\n') });
    await emit.checkpoint({ checkpoint_id: name, note: `${names.length} products` });
  }
}

/** The product's name; undefined for a page that does not work. */
async function read(
  page: Page,
  url: string,
  emit: QuarryContext['emit'],
): Promise<string | undefined> {
  await emit.debug('looking', { path: path(url) });
  const response = await page.goto(url, { waitUntil: 'domcontentloaded' });
  if (!response?.ok()) {
    await emit.warn('left out', { path: path(url), status: response?.status() });
    return undefined;
  }
  const [name, price] = await page.$$eval(
    'h1, .price',
    (elements: Element[]) => elements.map((element) => element.textContent),
  );
  await emit.debug('read', { path: path(url), name });
  await emit.item({ item_type: 'product', data: { path: path(url), name, price: Number(price) } });
  return name;
}

/** Addresses of a page's links, in their order. */
async function links(page: Page, url: string, selector: string): Promise<string[]> {
  await page.goto(url, { waitUntil: 'domcontentloaded' });
  return await page.$$eval(
    selector,
    (anchors: Element[]) => anchors.map((anchor) => (anchor as HTMLAnchorElement).href),
  );
}

const path = (url: string): string => new URL(url).pathname;
