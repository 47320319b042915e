// Crawls the shop again and again with one fleet, and watches what its processes and Redis hold.
//
//   node soak.ts --quarry PATH [--minutes 30] [--pages 300] [--out FOLDER]
//
// Prints what each process holds at the end of each crawl, and the kinds of keys at the end. Exits 1 when a process or Redis
// holds more in the last third of the time than it may after the first, or a kind of key is left that the contract does
// not name.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { descendants, exitOnSignals } from './chaos/crew.ts';
import { Round } from './chaos/round.ts';
import { makeCatalogue, productsPerPage } from './site/catalogue.ts';

const { values: options } = parseArgs({
  options: {
    quarry: { type: 'string', default: '.build/release/quarry' },
    minutes: { type: 'string', default: '30' },
    pages: { type: 'string', default: '300' },
    out: { type: 'string' },
  },
});
const here = dirname(fileURLToPath(import.meta.url));
const folder = options.out ? resolve(options.out) : mkdtempSync(join(tmpdir(), 'quarry-soak-'));
const mebibyte = 1 << 20;
/** Tasks of finished jobs stay a day in Redis, as do their jobs; each may take so much. */
const bytesPerTask = 4096;

/** What one member of the fleet holds with all that it has started, in bytes. */
type Sample = Map<string, number>;

function measure(round: Round): Sample {
  const sample: Sample = new Map();
  for (const { name, process } of round.crew.members) {
    if (process?.pid === undefined) continue;
    const own = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${process.pid}/status`, 'utf8'))?.[1] ?? 0) *
      1024;
    sample.set(name, own);
    sample.set(
      `${name} and its executors`,
      descendants(process.pid).reduce((sum, { memory }) => sum + memory, own),
    );
  }
  const used = /used_memory:(\d+)/.exec(round.redis.ask('INFO', 'memory'))?.[1];
  sample.set('redis', Number(used));
  return sample;
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Kinds of keys, with a count each; ids are left out. */
function keyKinds(round: Round): Map<string, number> {
  const kinds = new Map<string, number>();
  for (const key of round.redis.json<string[]>('KEYS', '*')) {
    const kind = key.replace(/^quarry:\{chaos\}:/, '').split(':')[0];
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return kinds;
}

function judge(samples: Sample[], tasks: number): string[] {
  const third = Math.max(1, Math.floor(samples.length / 3));
  return [...samples[0].keys()].flatMap((name) => {
    const of = (part: Sample[]): number => median(part.map((sample) => sample.get(name) ?? 0));
    const [before, after] = [of(samples.slice(0, third)), of(samples.slice(-third))];
    const may = before * 1.25 + 16 * mebibyte + (name === 'redis' ? tasks * bytesPerTask : 0);
    const shown = [before, after, may].map((bytes) => `${(bytes / mebibyte).toFixed(1)}`);
    process.stdout.write(
      `${name.padEnd(36)} ${shown[0]} MiB at first, ${shown[1]} MiB at last, ${shown[2]} MiB allowed\n`,
    );
    return after > may ? [`${name} grows`] : [];
  });
}

exitOnSignals();
const contract = readFileSync(join(here, '../../docs/contracts/CONTRACT_FLEET.md'), 'utf8');
const round = await Round.begin({
  quarry: resolve(options.quarry),
  folder,
  scriptRoot: here,
  script: 'plain/list.ts',
  catalogue: makeCatalogue(Math.round((Number(options.pages) - 1) / (1 + 1 / productsPerPage))),
  workers: 3,
  concurrency: 4,
  bounds: { slots: 8, gap: 5 },
});
const until = performance.now() + Number(options.minutes) * 60_000;
const samples: Sample[] = [];
const problems: string[] = [];
try {
  for (let crawl = 1; crawl === 1 || performance.now() < until; crawl++) {
    if (crawl > 1) round.submit(`crawl-${crawl}`);
    while (!round.isFinished) await sleep(200);
    samples.push(measure(round));
    if (crawl % 10 === 1) process.stdout.write(`crawl ${crawl} is done\n`);
  }
  problems.push(...judge(samples, samples.length * Number(options.pages)));
  for (const [kind, count] of [...keyKinds(round)].toSorted()) {
    process.stdout.write(`${String(count).padStart(8)} × ${kind}\n`);
    if (!contract.includes(`\`${kind}`)) {
      problems.push(`keys '${kind}' are left, and the contract does not name them`);
    }
  }
} catch (error) {
  problems.push((error as Error).message);
} finally {
  await round.end();
}
for (const problem of problems) process.stderr.write(`soak: ${problem}\n`);
if (problems.length > 0) process.exitCode = 1;
else if (options.out === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
