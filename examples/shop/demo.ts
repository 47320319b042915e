// The demo: serves the shop, crawls it with a coordinator and two workers over an embedded Redis, checks the result.
//
//   node demo.ts --quarry PATH [--products 200] [--out FOLDER]
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { expectedPages, makeCatalogue } from './site/catalogue.ts';
import { checkCrawl } from './site/check.ts';
import { ended, Fleet } from './site/fleet.ts';
import { startShop } from './site/server.ts';

const { values: options } = parseArgs({
  options: {
    quarry: { type: 'string', default: '.build/release/quarry' },
    products: { type: 'string', default: '200' },
    out: {
      type: 'string',
      default: join('quarry-demo', new Date().toISOString().slice(0, 19).replaceAll(':', '')),
    },
  },
});

const here = dirname(fileURLToPath(import.meta.url));
const quarry = resolve(options.quarry);
const folder = resolve(options.out);
const catalogue = makeCatalogue(Number(options.products));
const pages = expectedPages(catalogue);
const fleet = new Fleet({ quarry, folder, name: `demo-${process.pid}`, scriptRoot: here });
// Times a person can wait for; a real crawl keeps the defaults.
const patience = '--lease 10s --heartbeat 2s --retry-base 500ms --retry-cap 2s --block-base 500ms'.split(' ');

async function crawl(): Promise<number> {
  const shop = await startShop(catalogue);
  process.stdout.write(`The shop is open at ${shop.url}: ${pages} pages for two workers.\n`);
  try {
    const coordinator = fleet.coordinator([
      ...'--script list.ts --source shop --depth 20 --allow-dead 1 --format table'.split(' '),
      ...['--job', JSON.stringify({ url: `${shop.url}/` }), '--max-runs', String(pages + 100)],
      ...patience,
    ], true);
    const workers = ['worker-1', 'worker-2'].map((name) => fleet.worker(name));
    const workerFailed = workers.map(async (worker, index) => {
      if (await ended(worker) !== 0) {
        throw new Error(`worker ${index + 1} failed; see ${fleet.log(`worker-${index + 1}`)}`);
      }
      return new Promise<never>(() => {});
    });
    const exitCode = await Promise.race([ended(coordinator), ...workerFailed]);
    if (exitCode !== 0) throw new Error(`the coordinator ended with exit code ${exitCode}`);
    return exitCode;
  } finally {
    await fleet.stop();
    shop.server.close().closeAllConnections();
  }
}

function report(seconds: number): boolean {
  const result = checkCrawl(fleet.data, catalogue);
  const shown = (path: string): string => relative(process.cwd(), path) || '.';
  process.stdout.write(`
${pages} pages in ${seconds.toFixed(1)} s: ${(pages / seconds).toFixed(1)} pages a second
items     ${result.items} of ${result.expected}
checksum  ${result.checksum.slice(0, 16)} (the shop's: ${result.expected_checksum.slice(0, 16)})
data      ${shown(fleet.data)}

Look around:
  ${shown(quarry)} list runs --limit 5 --storage-path ${shown(fleet.data)}
  ${shown(quarry)} inspect run ${result.sample_run} --storage-path ${shown(fleet.data)}
`);
  for (const problem of result.problems.slice(0, 20)) process.stderr.write(`demo: ${problem}\n`);
  return result.ok;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => fleet.signal(signal));
const began = performance.now();
try {
  await crawl();
  if (!report((performance.now() - began) / 1000)) throw new Error("the crawl's result is not the shop");
  process.stdout.write('\nThe result is exactly the shop.\n');
} catch (error) {
  process.stderr.write(`demo: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
