// What the runtime adds to a script: the wall time of `quarry run` over that of the executor alone, its output going to a
// file. Both are measured in turn within one run, and the median of the pairs' ratios is printed with its spread.
//
//   node Benchmarks/runtime.ts --quarry PATH [--rounds 7] [--only WORDS]
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    quarry: { type: 'string', default: '.build/release/quarry' },
    rounds: { type: 'string', default: '7' },
    only: { type: 'string', default: '' },
  },
});
const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const quarry = resolve(options.quarry);
const executor = join(root, 'executor-node/bin/quarry-executor');
const script = (name: string): string => join(here, 'scripts', name);
// One for each run, removed at the end: a file system that has just deleted many files makes new ones more slowly.
const folders = mkdtempSync(join(tmpdir(), 'quarry-bench-'));
process.on('exit', () => rmSync(folders, { recursive: true, force: true }));

interface Finished {
  seconds: number;
  /** Peak resident memory of the process itself, KiB. */
  peak: number;
  /** What it left in its folder, in all: a manifest that has several names is one file. */
  files: number;
  bytes: number;
}

/** Runs a program with `input` on its standard input and its output in a file. */
async function time(program: string, args: string[], input: string): Promise<Finished> {
  const folder = mkdtempSync(join(folders, 'run-'));
  const output = openSync(join(folder, 'out'), 'w');
  try {
    const began = performance.now();
    const child = spawn(program, args, { stdio: ['pipe', output, 'pipe'], cwd: folder });
    let errors = '';
    child.stderr?.on('data', (text: Buffer) => errors += text.toString());
    child.stdin?.end(input);
    let peak = 0;
    const sampler = setInterval(() => peak = Math.max(peak, peakMemory(child.pid)), 20);
    const code = await new Promise((done, reject) => child.once('exit', done).once('error', reject));
    clearInterval(sampler);
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${errors}`);
    return { seconds: (performance.now() - began) / 1000, peak, ...left(folder) };
  } finally {
    closeSync(output);
  }
}

function left(folder: string): { files: number; bytes: number } {
  const sizes = new Map<number, number>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'out') continue;
    const status = statSync(join(entry.parentPath, entry.name));
    sizes.set(status.ino, status.size);
  }
  return { files: sizes.size, bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0) };
}

function peakMemory(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0; // it has just ended
  }
}

function executorAlone(name: string, job: object): Promise<Finished> {
  const request = {
    run_id: 'bench',
    attempt: 1,
    job,
    storage: { dataset: 'quarry', source: 's', category: 'c', day: '2026-01-01', run_id: 'bench' },
  };
  return time(executor, [script(name)], JSON.stringify(request) + '\n');
}

function underQuarry(name: string, job: object, flags: string[]): Promise<Finished> {
  return time(
    quarry,
    ['run', '--quiet', '--script', script(name), '--job', JSON.stringify(job), ...flags],
    '',
  );
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1];

async function compare(
  title: string,
  name: string,
  job: object,
  flags: string[],
  unit: 'wall' | 'rate',
  events = 0,
): Promise<void> {
  if (!title.includes(options.only)) return;
  const ratios: number[] = [];
  let peak = 0;
  const files: number[] = [];
  let bytes = 0;
  await executorAlone(name, job);
  await underQuarry(name, job, flags);
  for (let round = 0; round < Number(options.rounds); round++) {
    const alone = await executorAlone(name, job);
    const whole = await underQuarry(name, job, flags);
    ratios.push(unit === 'wall' ? whole.seconds / alone.seconds : alone.seconds / whole.seconds);
    peak = Math.max(peak, whole.peak);
    files.push(whole.files / events);
    bytes = whole.bytes / events;
  }
  const text = [median(ratios), Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2));
  const what = unit === 'wall' ? 'wall over the executor alone' : 'events a second over the executor alone';
  const stored = events === 0
    ? ''
    : `, ${median(files).toFixed(4)} files and ${bytes.toFixed(0)} bytes an event`;
  process.stdout.write(
    `${title.padEnd(44)} ${what}: ${text[0]} (${text[1]}–${text[2]}), peak ${
      (peak / 1024).toFixed(0)
    } MiB${stored}\n`,
  );
}

await compare('10 items, no browser', 'items.ts', { count: 10 }, [], 'wall');
await compare('10 items, a best-effort stream that is away', 'items.ts', { count: 10 }, [
  '--event-sink',
  'lode',
  '--event-sink',
  'redis',
  '--event-sink-redis-url',
  'unix:///nonexistent/redis',
], 'wall');
await compare('10 items from a page', 'page.ts', {}, [], 'wall');
await compare('20,000 items, strict', 'items.ts', { count: 20_000 }, ['--policy', 'strict'], 'rate', 20_000);
await compare(
  '20,000 items, streaming 500',
  'items.ts',
  { count: 20_000 },
  [
    '--policy',
    'streaming',
    '--flush-count',
    '500',
  ],
  'rate',
  20_000,
);
await compare(
  '20,000 items, buffered 5,000',
  'items.ts',
  { count: 20_000 },
  [
    '--policy',
    'buffered',
    '--buffer-events',
    '5000',
  ],
  'rate',
  20_000,
);
await compare('60 artifacts of 8 MiB, strict', 'artifacts.ts', { count: 60, mebibytes: 8 }, [
  '--policy',
  'strict',
], 'wall');
await compare('60 artifacts of 8 MiB, streaming 500', 'artifacts.ts', { count: 60, mebibytes: 8 }, [
  '--policy',
  'streaming',
  '--flush-count',
  '500',
], 'wall');
