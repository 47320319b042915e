// The queue beside others from the Python package index: no-op tasks on the same Redis, by one worker process and by two,
// with settings under which a worker's death loses nothing; the time from a task's making to its start at an idle worker;
// and how long a killed worker's task waits until it runs again. Each of theirs is measured in turn with ours.
//
//   node Benchmarks/peers.ts [--products .build/release] [--rounds 3] [--tasks 5000] [--only rq,arq]
//     [--case rates|pickup|death] [--workers 1,2] [--lease 5]
//
// Installs them into .tools/peers when they are not there. Sides and settings: Benchmarks/peers/.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    products: { type: 'string', default: '.build/release' },
    rounds: { type: 'string', default: '3' },
    tasks: { type: 'string', default: '5000' },
    only: { type: 'string' },
    case: { type: 'string' },
    lease: { type: 'string', default: '5' },
    workers: { type: 'string', default: '1,2' },
  },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sides = join(root, 'Benchmarks/peers');
const tools = join(root, '.tools/peers');
const TASKS = Number(options.tasks);
const SLOTS = 32;

/** How a library is asked: what makes tasks, and what runs one worker process. */
interface Side {
  name: string;
  pusher: (what: 'push' | 'trickle', count: number, place: Place) => string[];
  worker: (place: Place) => string[];
}

/** A Redis and a folder of its own for one measurement. */
interface Place {
  url: string;
  port: number;
  folder: string;
  log: string;
  /** What runs in it. */
  children: ChildProcess[];
}

const WORKERS: Record<string, string[]> = {
  rq: ['python', 'rq_side.py', 'work'],
  arq: ['python', 'arq_side.py', 'work'],
  dramatiq: ['dramatiq', 'dramatiq_side', '--processes', '1', '--threads', '8', '--skip-logging'],
  saq: ['saq', 'saq_side.settings', '--quiet'],
  taskiq: ['taskiq', 'worker', 'taskiq_side:broker', '--workers', '1', '--log-level', 'ERROR'],
  celery: [
    ...['celery', '-A', 'celery_side', 'worker', '--pool', 'solo', '--loglevel', 'ERROR'],
    ...['--without-gossip', '--without-mingle', '--without-heartbeat'],
  ],
};

const program = join(resolve(options.products), 'queue-benchmark');
const ours: Side = {
  name: 'quarry',
  pusher: (what, count, { url, folder, log }) =>
    what === 'push'
      ? [program, 'push', url, folder, `${count}`]
      : [program, what, url, folder, log, `${count}`],
  worker: ({ url, folder, log }) => [program, 'work', url, folder, log, `${SLOTS}`],
};

/** Installs a library with its client into an environment of its own, if it is not there. */
function peer(line: string): Side {
  const [name, ...packages] = line.split(' ');
  const folder = join(tools, name);
  const mark = join(folder, packages.join(' ').replaceAll(/[^\w.]+/g, '-'));
  if (!existsSync(mark)) {
    console.error(`installing ${packages.join(' ')} into .tools/peers/${name}`);
    rmSync(folder, { recursive: true, force: true });
    execFileSync('python3', ['-m', 'venv', folder]);
    execFileSync(join(folder, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', ...packages]);
    mkdirSync(mark);
  }
  const bin = (words: string[]) => [join(folder, 'bin', words[0]), ...words.slice(1)];
  return {
    name,
    pusher: (what, count) => bin(['python', `${name}_side.py`, what, `${count}`]),
    worker: () => bin(WORKERS[name]),
  };
}

const wanted = options.only?.split(',');
const peers = readFileSync(join(sides, 'versions'), 'utf8').trim().split('\n')
  .filter((line) => !wanted || wanted.includes(line.split(' ')[0])).map(peer);

// Processes -------------------------------------------------------------------------------------------------------

const running = new Set<ChildProcess>();
process.on('exit', () => running.forEach((child) => end(child)));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/** In a process group of its own, so that its children end and are counted with it. */
function start([command, ...args]: string[], place: Place, more: Record<string, string> = {}): ChildProcess {
  const child = spawn(command, args, {
    cwd: join(place.folder, 'sides'),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      BENCH_REDIS: place.url,
      BENCH_LOG: place.log,
      PYTHONDONTWRITEBYTECODE: '1',
      ...more,
    },
  });
  running.add(child);
  place.children.push(child);
  child.once('exit', () => running.delete(child));
  return child;
}

function end(child: ChildProcess): void {
  running.delete(child);
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** What a program printed, a number a line; it must end well. */
async function numbers(
  command: string[],
  place: Place,
  more: Record<string, string> = {},
): Promise<number[]> {
  const child = start(command, place, more);
  let [output, errors] = ['', ''];
  child.stdout?.on('data', (text: Buffer) => output += text.toString());
  child.stderr?.on('data', (text: Buffer) => errors += text.toString());
  const code = await new Promise((done, reject) => child.once('close', done).once('error', reject));
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${errors}`);
  return output.trim().split('\n').map(Number);
}

/** Seconds of processor time of a process group, threads and children included, in steps of 10 ms. */
function processorTime(group: number): number {
  let ticks = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
      if (Number(fields[2]) === group) ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It has ended since the folder was read.
    }
  }
  return ticks / 100;
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
const freePort = (): Promise<number> =>
  new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => done(port));
    });
  });

/** Gives a measurement a Redis that nothing is in, and ends all that it started. */
async function inPlace<Value>(body: (place: Place) => Promise<Value>): Promise<Value> {
  const folder = mkdtempSync(join(tmpdir(), 'quarry-peers-'));
  cpSync(sides, join(folder, 'sides'), { recursive: true });
  const port = await freePort();
  const place: Place = {
    url: `redis://127.0.0.1:${port}/0`,
    port,
    folder,
    log: join(folder, 'log'),
    children: [],
  };
  const server = start(
    [
      'redis-server',
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      folder,
    ],
    place,
  );
  try {
    await new Promise<void>((done) =>
      server.stdout?.on('data', (text: Buffer) => text.includes('eady to accept') ? done() : undefined)
    );
    return await body(place);
  } finally {
    for (const child of place.children) if (running.has(child)) end(child);
    await pause(50);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the server says of itself, by name. */
function info({ port }: Place): Record<string, number> {
  const text = execFileSync('redis-cli', ['-p', `${port}`, 'info', 'all'], { encoding: 'utf8' });
  return Object.fromEntries(
    text.split(/\r?\n/).map((line) => line.split(':')).map(([name, value]) => [name, Number(value)]),
  );
}
const redisTime = (figures: Record<string, number>): number => figures.used_cpu_sys + figures.used_cpu_user;

const starts = ({ log }: Place): number => existsSync(log) ? statSync(log).size / 8 : 0;
function times({ log }: Place): number[] {
  const bytes = readFileSync(log);
  return Array.from(
    { length: bytes.length / 8 },
    (_, index) => Number(bytes.readBigInt64LE(index * 8)) / 1e9,
  );
}

/** Returns when the log has so many starts. */
async function waitForStarts(
  place: Place,
  count: number,
  seconds: number,
  from: ChildProcess[],
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  let errors = '';
  for (const child of from) child.stderr?.on('data', (text: Buffer) => errors += text.toString());
  while (starts(place) < count) {
    if (performance.now() > deadline) {
      throw new Error(`${starts(place)} of ${count} starts after ${seconds} s: ${errors}`);
    }
    await pause(5);
  }
}

// Cases -----------------------------------------------------------------------------------------------------------

interface Rates {
  pushed: number;
  done: number;
  workers: number;
  redis: number;
  memory: number;
  traffic: number;
  extra: number;
}

/** Tasks a second while they are made and while they are worked off, and what each costs. */
const rates = (side: Side, workers: number): Promise<Rates> =>
  inPlace(async (place) => {
    const empty = info(place);
    const [pushing] = await numbers(side.pusher('push', TASKS, place), place);
    const full = info(place);
    const processes = Array.from({ length: workers }, () => start(side.worker(place), place));
    const time = () => processes.reduce((sum, { pid }) => sum + processorTime(pid ?? 0), 0);
    await waitForStarts(place, 1, 30, processes);
    // What starting took is no part of a task's cost; the first tasks are neither.
    const [began, redis, traffic, first] = [time(), info(place), info(place), starts(place)];
    await waitForStarts(place, TASKS, 120, processes);
    await pause(500);
    const [after, counted] = [info(place), TASKS - first];
    const log = times(place);
    return {
      pushed: TASKS / pushing,
      done: (TASKS - 1) / (log[TASKS - 1] - log[0]),
      workers: (time() - began) / counted * 1e6,
      redis: (redisTime(after) - redisTime(redis)) / counted * 1e6,
      memory: (full.used_memory_dataset - empty.used_memory_dataset) / TASKS,
      traffic: (net(after) - net(traffic)) / counted,
      extra: log.length - TASKS,
    };
  });
const net = (figures: Record<string, number>): number =>
  figures.total_net_input_bytes + figures.total_net_output_bytes;

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1];
const column = (rows: Rates[], name: keyof Rates): number => median(rows.map((row) => row[name]));

function tell(name: string, rows: Rates[], against: Rates[]): void {
  const ratio = (of: (row: Rates) => number) =>
    median(rows.map((row, index) => of(against[index]) / of(row))).toFixed(1);
  const cost = (row: Rates) => 1 / (row.workers + row.redis);
  const whole = (row: Rates) => 1 / (1 / row.pushed + 1 / row.done);
  const figures = (['pushed', 'done', 'workers', 'redis', 'memory', 'traffic', 'extra'] as const)
    .map((field) => column(rows, field).toFixed(0).padStart(7));
  console.log(
    `  ${name.padEnd(12)}${figures.join(' ')}   ${ratio((row) => row.done).padStart(5)} ${
      ratio(whole).padStart(6)
    } ${ratio(cost).padStart(6)}`,
  );
}

async function compareRates(workers: number): Promise<void> {
  console.log(
    `${TASKS} tasks that do nothing, ${workers} worker process${
      workers > 1 ? 'es' : ''
    }, medians of ${options.rounds} rounds`,
  );
  console.log('              made/s  done/s  worker   redis  memory   bytes  again   ours over theirs:');
  console.log(
    '                          µs a task µs a task a queued a task  starts   done/s  all/s  per CPU',
  );
  for (const side of peers) {
    const [own, other]: [Rates[], Rates[]] = [[], []];
    for (let round = 0; round < Number(options.rounds); round++) {
      own.push(await rates(ours, workers));
      other.push(await rates(side, workers));
    }
    tell('  quarry', own, own);
    tell(side.name, other, own);
  }
}

/** From a task's making to its start at a worker that has nothing to do. */
async function comparePickUp(): Promise<void> {
  console.log('from a task’s making to its start at an idle worker, ms: p50, p99');
  for (const side of [ours, ...peers]) {
    const waits = await inPlace(async (place) => {
      const worker = start(side.worker(place), place);
      await numbers(side.pusher('trickle', 5, place), place);
      const waits = await numbers(side.pusher('trickle', 100, place), place);
      end(worker);
      return waits.toSorted((a, b) => a - b);
    });
    console.log(
      `  ${side.name.padEnd(12)}${(waits[50] / 1000).toFixed(1).padStart(7)} ${
        (waits[99] / 1000).toFixed(1).padStart(7)
      }`,
    );
  }
}

/** Seconds from the death of a worker until its task runs again at the other one. All libraries at the same time. */
async function compareDeath(): Promise<void> {
  console.log(
    `a worker is killed, leases of ${options.lease} s where they can be set: seconds until its task runs again`,
  );
  const lease = { BENCH_LEASE: options.lease };
  const waits = await Promise.all([ours, ...peers].map((side) =>
    inPlace(async (place) => {
      const first = start(side.worker(place), place, lease);
      await pause(5000);
      await numbers(side.pusher('push', 1, place), place, lease);
      await waitForStarts(place, 1, 60, [first]);
      const second = start(side.worker(place), place, lease);
      await pause(4000);
      end(first);
      const killed = Number(process.hrtime.bigint()) / 1e9;
      try {
        await waitForStarts(place, 2, 160, [second]);
      } catch (error) {
        return `not within 160 (${String(error).slice(0, 200)})`;
      }
      return (times(place)[1] - killed).toFixed(1);
    })
  ));
  [ours, ...peers].forEach((side, index) => console.log(`  ${side.name.padEnd(12)}${waits[index]}`));
}

if (!options.case || options.case === 'rates') {
  for (const workers of options.workers.split(',')) await compareRates(Number(workers));
}
if (!options.case || options.case === 'pickup') await comparePickUp();
if (!options.case || options.case === 'death') await compareDeath();
process.exit(0);
