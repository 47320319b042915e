// The demo shop's whole content, computed from one seed: the server shows it, the check compares with it.

export interface Product {
  sku: string;
  name: string;
  category: string;
  /** Whole cents. */
  price_cents: number;
  currency: string;
  in_stock: boolean;
  /** Tenths of a star, 0 to 50. */
  rating: number;
  /** Path of the product's page, the same on whatever port the shop listens. */
  path: string;
}

/** How a page misbehaves. */
export type Trouble =
  | 'fails-once' // 500 at the first request, fine afterwards
  | 'busy-once' // 503 with Retry-After at the first request, fine afterwards
  | 'slow' // answers after a while
  | 'broken'; // 500, always

export interface Catalogue {
  categories: { slug: string; title: string; products: Product[]; pages: number }[];
  /** By path of a page. */
  trouble: Map<string, Trouble>;
}

export const productsPerPage = 10;
const categoryTitles = ['Lamps', 'Chairs', 'Kettles', 'Clocks', 'Rugs'];
const adjectives = [
  'Quiet',
  'Amber',
  'Folding',
  'Northern',
  'Plain',
  'Bright',
  'Heavy',
  'Little',
  'Painted',
  'Woven',
];
const nouns = [
  'Heron',
  'Birch',
  'Harbour',
  'Comet',
  'Meadow',
  'Anvil',
  'Lantern',
  'Pebble',
  'Orchard',
  'Sparrow',
];

/** A small generator of numbers in [0, 1) with a 32-bit state (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Makes the shop with `count` products; the same count gives the same shop. */
export function makeCatalogue(count: number): Catalogue {
  const random = randomNumbers(20_000 + count);
  const pick = <T>(from: T[]): T => from[Math.floor(random() * from.length)];
  const categories = categoryTitles.map((title) => ({
    slug: title.toLowerCase(),
    title,
    products: [] as Product[],
    pages: 0,
  }));
  for (let index = 0; index < count; index++) {
    const category = categories[index % categories.length];
    const sku = `Q${String(1000 + index)}`;
    category.products.push({
      sku,
      name: `${pick(adjectives)} ${pick(nouns)} ${category.title.slice(0, -1)} №${index + 1}`,
      category: category.slug,
      price_cents: 500 + Math.floor(random() * 49_500),
      currency: 'EUR',
      in_stock: random() < 0.8,
      rating: Math.floor(random() * 51),
      path: `/product/${sku}`,
    });
  }
  for (const category of categories) category.pages = Math.ceil(category.products.length / productsPerPage);
  return { categories, trouble: assignTrouble(categories.flatMap((category) => category.products)) };
}

/** One page in fifty fails once; the last product's page always fails; single ones are busy or slow. */
function assignTrouble(products: Product[]): Map<string, Trouble> {
  const bySku = products.toSorted((a, b) => a.sku.localeCompare(b.sku));
  const trouble = new Map<string, Trouble>();
  bySku.forEach((product, index) => {
    if (index % 50 === 7) trouble.set(product.path, 'fails-once');
    if (index === 12) trouble.set(product.path, 'busy-once');
    if (index === 16) trouble.set(product.path, 'slow');
    if (index === bySku.length - 1) trouble.set(product.path, 'broken');
  });
  return trouble;
}

/** What a complete crawl must have found, in order of SKU: all products but those whose page never works. */
export function expectedProducts(catalogue: Catalogue): Product[] {
  return catalogue.categories
    .flatMap((category) => category.products)
    .filter((product) => catalogue.trouble.get(product.path) !== 'broken')
    .toSorted((a, b) => a.sku.localeCompare(b.sku));
}

/** Tasks of a complete crawl: the front page, every list page, every product page. */
export function expectedPages(catalogue: Catalogue): number {
  return catalogue.categories.reduce((sum, category) => sum + category.pages + category.products.length, 1);
}
