// The demo: serves the shop, crawls it with a coordinator and two workers over an embedded Redis, checks the result.
//
//   node demo.ts --quarry PATH [--products 200] [--out FOLDER]
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { expectedPages, makeCatalogue } from './site/catalogue.ts';
import { checkCrawl } from './site/check.ts';
import { startShop } from './site/server.ts';

const { values: options } = parseArgs({
  options: {
    quarry: { type: 'string', default: '.build/release/quarry' },
    products: { type: 'string', default: '200' },
    out: { type: 'string', default: join('quarry-demo', new Date().toISOString().slice(0, 19).replaceAll(':', '')) },
  },
});
const quarry = resolve(options.quarry);
const folder = resolve(options.out);
const data = join(folder, 'data');
const fleet = `demo-${process.pid}`;
// Times a person can wait for; a real crawl keeps the defaults.
const patience = ['--lease', '10s', '--heartbeat', '2s', '--retry-base', '500ms', '--retry-cap', '2s', '--block-base', '500ms'];

mkdirSync(data, { recursive: true });
const catalogue = makeCatalogue(Number(options.products));
const shop = await startShop(catalogue);
const environment = { ...process.env, XDG_STATE_HOME: join(folder, 'state') };
const shared = ['--fleet', fleet, '--storage-path', data, '--script-root', import.meta.dirname];
process.stdout.write(`The shop is open at ${shop.url}: ${expectedPages(catalogue)} pages for two workers.\n`);

const start = (name: string, args: string[], log?: number): ChildProcess => {
  const child = spawn(quarry, args, { env: environment, stdio: ['ignore', log ?? 'inherit', log ?? 'inherit'] });
  child.once('error', (error) => fail(`${name} did not start: ${error.message}`));
  return child;
};
const ended = (child: ChildProcess): Promise<number> =>
  new Promise((done) => {
    if (child.exitCode !== null) done(child.exitCode);
    else child.once('exit', (code) => done(code ?? 128));
  });

const began = performance.now();
const coordinator = start('the coordinator', [
  'coordinator', ...shared, '--script', 'list.ts', '--job', JSON.stringify({ url: `${shop.url}/` }), '--source', 'shop',
  '--depth', '20', '--max-runs', String(expectedPages(catalogue) + 100), '--allow-dead', '1', ...patience,
]);
const workers = [1, 2].map((number) => {
  const log = openSync(join(folder, `worker-${number}.log`), 'w');
  return start(`worker ${number}`, ['worker', ...shared, '--concurrency', '1'], log);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => [coordinator, ...workers].forEach((child) => child.kill(signal)));
}
for (const [index, worker] of workers.entries()) {
  void ended(worker).then((code) => {
    if (coordinator.exitCode === null && code !== 0) fail(`worker ${index + 1} ended early; see ${folder}/worker-${index + 1}.log`);
  });
}

const exitCode = await ended(coordinator);
const seconds = (performance.now() - began) / 1000;
for (const worker of workers) worker.kill('SIGTERM');
await Promise.all(workers.map(ended));
shop.server.close().closeAllConnections();
if (exitCode !== 0) fail(`the coordinator ended with exit code ${exitCode}`);

const result = checkCrawl(data, catalogue);
const pages = expectedPages(catalogue);
const here = relative(process.cwd(), data) || '.';
const program = relative(process.cwd(), quarry);
process.stdout.write(`
${pages} pages in ${seconds.toFixed(1)} s: ${(pages / seconds).toFixed(1)} pages a second
items     ${result.items} of ${result.expected}
checksum  ${result.checksum.slice(0, 16)} (the shop's: ${result.expected_checksum.slice(0, 16)})
data      ${here}

Look around:
  ${program} list runs --storage-path ${here}
  ${program} inspect run RUN_ID --storage-path ${here}
`);
if (!result.ok) fail(`the crawl's result is wrong:\n  ${result.problems.slice(0, 20).join('\n  ')}`);
process.stdout.write('\nThe result is exactly the shop.\n');

function fail(message: string): never {
  process.stderr.write(`demo: ${message}\n`);
  for (const child of [coordinator, ...(workers ?? [])]) child?.kill('SIGTERM');
  process.exit(1);
}
