// What warm executors are worth: runs a second of a fan-out over those of executors started cold, and over a bare loop with
// the same driver; memory of one executor over a thousand runs. Both sides of a ratio are measured in turn.
//
//   node Benchmarks/fanout.ts --quarry PATH [--rounds 3] [--only children|visits|memory]
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    quarry: { type: 'string', default: '.build/release/quarry' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
  },
});
const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const quarry = resolve(options.quarry);
const executor = join(root, 'executor-node/bin/quarry-executor');
const script = (name: string): string => join(here, 'scripts', name);

/** Resolves to the seconds that a program took; its output goes to a file. */
async function seconds(program: string, args: string[], input = '', folder = scratch()): Promise<number> {
  const output = openSync(join(folder, `out-${Math.random()}`), 'w');
  const began = performance.now();
  const child = spawn(program, args, { stdio: ['pipe', output, 'pipe'], cwd: folder });
  closeSync(output);
  let errors = '';
  child.stderr?.on('data', (text: Buffer) => errors += text.toString());
  child.stdin?.end(input);
  const code = await new Promise((done, reject) => child.once('exit', done).once('error', reject));
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${errors}`);
  return (performance.now() - began) / 1000;
}

const folders: string[] = [];
function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'quarry-bench-'));
  folders.push(folder);
  return folder;
}
process.on('exit', () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

const fanOut = (
  name: string,
  job: { children: number },
  parallel: number,
  folder = scratch(),
  more: string[] = [],
): Promise<number> =>
  seconds(
    quarry,
    [
      'run',
      '--quiet',
      '--script',
      script(name),
      '--job',
      JSON.stringify(job),
      '--depth',
      '1',
      '--max-runs',
      String(job.children),
      '--parallel',
      String(parallel),
      ...more,
    ],
    '',
    folder,
  );

/** Does `count` pieces of work, `parallel` at a time. */
async function each(count: number, parallel: number, work: (n: number) => Promise<unknown>): Promise<number> {
  const began = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  return (performance.now() - began) / 1000;
}

function cold(children: number, parallel: number): Promise<number> {
  const folder = scratch();
  return each(children + 1, parallel, (n) => {
    const request = { run_id: `r${n}`, attempt: 1, job: { n, items: 5 } };
    return seconds(executor, [script('fan.ts')], JSON.stringify(request) + '\n', folder);
  });
}

/** Visits with the driver alone: a browser, and for each visit a context and a page of its own, as a run has. */
async function bareVisits(url: string, count: number, parallel: number): Promise<number> {
  const { embeddedChromium } = await import('../executor-node/src/browser/driver.ts');
  const { launchEmbedded } = await import('../executor-node/src/browser/embedded.ts');
  const began = performance.now();
  const browser = await launchEmbedded(await embeddedChromium());
  await each(count + 1, parallel, async (n) => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${url}?${n}`);
    await page.evaluate(() => document.title);
    await context.close();
  });
  await browser.close();
  return (performance.now() - began) / 1000;
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1];

async function compare(
  title: string,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
  runs: number,
) {
  const ratios: number[] = [];
  let rate = 0;
  await ours();
  await theirs();
  for (let round = 0; round < Number(options.rounds); round++) {
    const [other, own] = [await theirs(), await ours()];
    ratios.push(other / own);
    rate = Math.max(rate, runs / own);
  }
  const text = [median(ratios), Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2));
  console.log(
    `${title.padEnd(58)} ${text[0]} (${text[1]}–${text[2]}), at best ${rate.toFixed(0)} runs a second`,
  );
}

/** Resident memory of one executor as each of the runs that it served saw it, in their order. */
async function memoryOverRuns(runs: number): Promise<number[]> {
  const folder = scratch();
  const job = { children: runs, items: 1 } as { children: number };
  await fanOut('fan.ts', job, 1, folder, ['--executor-max-runs', String(runs + 1)]);
  const seen: { ts: string; rss: number; pid: number }[] = [];
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('data/data') || !name.includes('event_type=item')) continue;
    for (const line of readFileSync(join(folder, name), 'utf8').trim().split('\n')) {
      const { ts, payload } = JSON.parse(line);
      seen.push({ ts, rss: payload.data.rss, pid: payload.data.pid });
    }
  }
  const executors = new Set(seen.map(({ pid }) => pid)).size;
  if (seen.length !== runs || executors !== 1) {
    throw new Error(`${seen.length} of ${runs} runs, on ${executors} executors in place of one`);
  }
  return seen.toSorted((a, b) => a.ts < b.ts ? -1 : 1).map(({ rss }) => rss);
}

const COUNT = 200;

const children = (): Promise<void> =>
  compare(
    '200 children of 5 items, two at once, over cold executors',
    () => fanOut('fan.ts', { children: COUNT, items: 5 } as { children: number }, 2),
    () => cold(COUNT, 2),
    COUNT + 1,
  );

async function visits(): Promise<void> {
  const site = createServer((_, response) =>
    response.setHeader('content-type', 'text/html').end('<title>T</title><p>x')
  );
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(site.address() as AddressInfo).port}/`;
  await compare(
    '200 visits, two tabs, over a bare loop with the driver',
    () => fanOut('visits.ts', { children: COUNT, url } as { children: number }, 2),
    () => bareVisits(url, COUNT, 2),
    COUNT + 1,
  );
  site.close();
}

async function memory(): Promise<void> {
  const seen = await memoryOverRuns(1000);
  const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  const start = seen[20];
  const most = Math.max(...seen.slice(20));
  console.log(
    `${'memory of one executor over 1,000 runs'.padEnd(58)} +${((most / start - 1) * 100).toFixed(0)} % ` +
      `(${mebibytes(start)} after 20 runs, ${mebibytes(most)} at most)`,
  );
}

const cases: Record<string, () => Promise<void>> = { children, visits, memory };
const { only } = options;
if (only !== undefined && !Object.hasOwn(cases, only)) {
  throw new Error(`--only is one of ${Object.keys(cases).join(', ')}, not '${only}'`);
}
for (const [name, measure] of Object.entries(cases)) if (only === undefined || only === name) await measure();
