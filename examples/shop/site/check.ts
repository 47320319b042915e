// Compares what a crawl left in its dataset with what the shop's generator knows. As a program:
//
//   node check.ts --data FOLDER [--products 200]
//
// prints the result as JSON and exits 0 when the crawl's accepted items are exactly the shop's, else 1.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { expectedProducts, makeCatalogue } from './catalogue.ts';
import type { Catalogue, Product } from './catalogue.ts';
import { Dataset } from './dataset.ts';

export interface CheckResult {
  ok: boolean;
  /** Items of accepted runs, and how many the shop has. */
  items: number;
  expected: number;
  /** SHA-256 over the items in order of SKU, one canonical JSON line each. */
  checksum: string;
  expected_checksum: string;
  /** A run that found a product, to look at. */
  sample_run: string;
  /** What is wrong, one sentence each. */
  problems: string[];
}

const canonical = (product: Partial<Product>): string =>
  JSON.stringify(product, Object.keys(product).toSorted());

const checksum = (lines: string[]): string => createHash('sha256').update(lines.join('\n')).digest('hex');

export function checkCrawl(data: string, catalogue: Catalogue): CheckResult {
  const dataset = new Dataset(data);
  const accepted = new Set(dataset.acceptedRuns().values());
  const expected = expectedProducts(catalogue);
  const problems: string[] = [];
  const found = new Map<string, string>();
  let items = 0;
  let sampleRun = '';
  for (const record of dataset.records('event_type=item')) {
    if (!accepted.has(record.run_id as string)) continue;
    items++;
    sampleRun = record.run_id as string;
    const { picture, ...product } = (record.payload as { data: Partial<Product> & { picture: string } }).data;
    const sku = product.sku ?? '(no sku)';
    if (found.has(sku)) problems.push(`${sku} was accepted more than once`);
    found.set(sku, canonical(product));
    if (!existsSync(join(data, picture))) problems.push(`${sku}: its picture ${picture} is not in storage`);
  }
  for (const product of expected) {
    const line = found.get(product.sku);
    if (line === undefined) problems.push(`${product.sku} is missing`);
    else if (line !== canonical(product)) {
      problems.push(`${product.sku} differs: ${line}, not ${canonical(product)}`);
    }
  }
  const known = new Set(expected.map((product) => product.sku));
  for (const sku of found.keys()) if (!known.has(sku)) problems.push(`${sku} is no product of the shop`);
  const result = {
    items,
    expected: expected.length,
    checksum: checksum([...found].toSorted(([a], [b]) => a.localeCompare(b)).map(([, line]) => line)),
    expected_checksum: checksum(expected.map(canonical)),
    sample_run: sampleRun,
    problems,
  };
  return { ok: problems.length === 0 && result.checksum === result.expected_checksum, ...result };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { data: { type: 'string' }, products: { type: 'string', default: '200' } },
  });
  if (values.data === undefined) throw new Error('--data FOLDER is required');
  const result = checkCrawl(values.data, makeCatalogue(Number(values.products)));
  process.stdout.write(JSON.stringify(result, null, 2) + '\n');
  process.exitCode = result.ok ? 0 : 1;
}
