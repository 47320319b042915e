// Crawls the shop while processes, links and Redis fail, and compares what came of it with the shop.
//
//   node chaos.ts --quarry PATH [--rounds 10] [--pages 2000] [--browser-pages 300] [--seed 1] [--out FOLDER]
//
// Prints a table and exits 0 when nothing was lost, doubled, missing or impolite. A round's faults and their order follow
// from the seed and the round's number; how far the crawl is when one strikes does not.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { judge } from './chaos/audit.ts';
import type { Verdict } from './chaos/audit.ts';
import { exitOnSignals } from './chaos/crew.ts';
import { faults, loss } from './chaos/faults.ts';
import type { Fault } from './chaos/faults.ts';
import { randomNumbers } from './chaos/random.ts';
import { lease, Round } from './chaos/round.ts';
import { expectedPages, makeCatalogue, productsPerPage } from './site/catalogue.ts';

const { values: options } = parseArgs({
  options: {
    quarry: { type: 'string', default: '.build/release/quarry' },
    rounds: { type: 'string', default: '10' },
    pages: { type: 'string', default: '2000' },
    'browser-pages': { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
  },
});
const here = dirname(fileURLToPath(import.meta.url));
const folder = options.out ? resolve(options.out) : mkdtempSync(join(tmpdir(), 'quarry-chaos-'));
/** Requests that a killed run has left at the site count until their connection is closed. */
const tolerance = 1;
/** Longest time in which nothing happens to any task, in ms. */
const patience = 180_000;

interface Strike {
  name: string;
  at: number;
  /** Tasks that a worker had at that moment. */
  hit: string[];
}

interface Outcome extends Verdict {
  name: string;
  pages: number;
  seconds: number;
  strikes: Strike[];
  /** Of each strike: until all that it hit ran again or was done, in ms. */
  recoveries: number[];
}

/** Strikes every few seconds until the crawl is over. */
async function torment(round: Round, random: () => number, strikes: Strike[]): Promise<void> {
  const scene = { redis: round.redis, crew: round.crew, random, lease, rebuild: () => round.rebuild() };
  let seen = 0;
  let changed = performance.now();
  let mayLose = true;
  while (true) {
    await sleep(1500 + random() * 2500);
    round.follow();
    if (round.isFinished) return;
    if (round.events.length > seen) [seen, changed] = [round.events.length, performance.now()];
    if (performance.now() > changed + patience) throw new Error('the crawl stands still');
    const isLoss = mayLose && random() < 0.06;
    if (isLoss) mayLose = false;
    const fault: Fault = isLoss ? loss : faults[Math.floor(random() * faults.length)];
    strikes.push({ name: fault.name, at: Date.now(), hit: round.leased });
    await fault.strike(scene);
  }
}

function recoveries(round: Round, strikes: Strike[]): number[] {
  const signs = ['run_started', 'run_completed', 'task_dead', 'task_retry'];
  return strikes.flatMap(({ at, hit }) => {
    const times = hit.flatMap((task) => {
      const sign = round.events.find((event) =>
        event.task === task && event.at >= at && signs.includes(event.type)
      );
      return sign ? [sign.at - at] : [];
    });
    return times.length > 0 ? [Math.max(...times)] : [];
  });
}

async function play(name: string, number: number, hasBrowser: boolean): Promise<Outcome> {
  const wanted = Number(hasBrowser ? options['browser-pages'] : options.pages);
  const catalogue = makeCatalogue(Math.max(10, Math.round((wanted - 1) / (1 + 1 / productsPerPage))));
  const bounds = hasBrowser ? { slots: 3, gap: 10 } : { slots: 8, gap: 5 };
  const round = await Round.begin({
    quarry: resolve(options.quarry),
    folder: join(folder, name),
    scriptRoot: here,
    script: hasBrowser ? 'list.ts' : 'plain/list.ts',
    catalogue,
    workers: 3,
    concurrency: hasBrowser ? 1 : 4,
    bounds,
  });
  const began = performance.now();
  const strikes: Strike[] = [];
  try {
    await torment(round, randomNumbers(Number(options.seed) * 1000 + number), strikes);
  } finally {
    await round.end();
  }
  const verdict = judge(round.data, catalogue, bounds, round.events, round.visits, tolerance);
  const seconds = (performance.now() - began) / 1000;
  return {
    ...verdict,
    name,
    pages: expectedPages(catalogue),
    seconds,
    strikes,
    recoveries: recoveries(round, strikes),
  };
}

const columns = ['lost', 'twice', 'missing', 'extra', 'impolite', 'seen'] as const;
const badness = (outcome: Outcome): number => columns.reduce((sum, column) => sum + outcome[column], 0);

function row(cells: (string | number)[]): string {
  return cells.map((cell, index) => index === 0 ? String(cell).padEnd(10) : String(cell).padStart(11)).join(
    '',
  ) + '\n';
}

function report(outcomes: Outcome[]): void {
  const all = outcomes.flatMap((outcome) => outcome.recoveries).toSorted((a, b) => a - b);
  const share = (part: number): string => {
    const time = all[Math.min(all.length - 1, Math.floor(all.length * part))];
    return time === undefined ? '-' : `${(time / 1000).toFixed(1)} s`;
  };
  const counts = new Map<string, number>();
  for (const { name } of outcomes.flatMap((outcome) => outcome.strikes)) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  process.stdout.write(`
tasks lost                    ${outcomes.reduce((sum, { lost }) => sum + lost, 0)}
results accepted twice        ${outcomes.reduce((sum, { twice }) => sum + twice, 0)}
items missing, extra          ${outcomes.reduce((sum, { missing }) => sum + missing, 0)}, ${
    outcomes.reduce((sum, { extra }) => sum + extra, 0)
  }
impolite by the fleet's log   ${outcomes.reduce((sum, { impolite }) => sum + impolite, 0)}
impolite by the site's log    ${
    outcomes.reduce((sum, { seen }) => sum + seen, 0)
  } (tolerance: ${tolerance} request)
recovery                      median ${share(0.5)}, p99 ${share(0.99)} of ${all.length} faults that hit work
faults                        ${
    [...counts].toSorted().map(([name, count]) => `${count} × ${name}`).join(', ')
  }
`);
}

exitOnSignals();
const outcomes: Outcome[] = [];
process.stdout.write(row(['round', 'pages', 'seconds', 'faults', ...columns]));
try {
  const rounds = Number(options.rounds);
  const withBrowser = Number(options['browser-pages']) > 0 ? 1 : 0;
  for (let number = 1; number <= rounds + withBrowser; number++) {
    const hasBrowser = number > rounds;
    const outcome = await play(hasBrowser ? 'browser' : `round-${number}`, number, hasBrowser);
    outcomes.push(outcome);
    process.stdout.write(
      row([
        outcome.name,
        outcome.pages,
        outcome.seconds.toFixed(1),
        outcome.strikes.length,
        ...columns.map((column) => outcome[column]),
      ]),
    );
    for (const problem of outcome.problems.slice(0, 10)) {
      process.stderr.write(`chaos: ${outcome.name}: ${problem}\n`);
    }
  }
  report(outcomes);
  if (outcomes.some((outcome) => badness(outcome) > 0)) {
    throw new Error(`something is wrong; all is in ${folder}`);
  }
  if (options.out === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
} catch (error) {
  process.stderr.write(`chaos: ${(error as Error).message} (seed ${options.seed}; logs in ${folder})\n`);
  process.exitCode = 1;
}
