// What is done to a fleet while it crawls.
import { setTimeout as sleep } from 'node:timers/promises';
import { descendants } from './crew.ts';
import type { Crew, Member } from './crew.ts';
import type { Redis } from './redis.ts';

export interface Scene {
  redis: Redis;
  crew: Crew;
  random: () => number;
  /** How long a worker may be silent, in ms. */
  lease: number;
  /** Brings the job back from its ledger. */
  rebuild: () => Promise<void>;
}

export interface Fault {
  name: string;
  /** Resolves when nothing is in the way of recovery any more. */
  strike: (scene: Scene) => Promise<void> | void;
}

const pick = <Value>(scene: Scene, values: Value[]): Value =>
  values[Math.floor(scene.random() * values.length)];
const worker = (scene: Scene): Member => pick(scene, scene.crew.named('worker'));

function killExecutor(scene: Scene): void {
  const pid = worker(scene).process?.pid;
  const executors = pid === undefined
    ? []
    : descendants(pid).filter(({ command }) =>
      command.includes('executor-node') && !command.startsWith('quarry-shepherd')
    );
  if (executors.length > 0) process.kill(pick(scene, executors).pid, 'SIGKILL');
}

/** Longer than its lease: its tasks are others' when it goes on. */
async function stopWorker(scene: Scene): Promise<void> {
  const { process } = worker(scene);
  process?.kill('SIGSTOP');
  await sleep(scene.lease + 2000);
  process?.kill('SIGCONT');
}

async function restartRedis(scene: Scene): Promise<void> {
  await scene.redis.kill();
  await sleep(200 + scene.random() * 2000);
  await scene.redis.start();
}

async function slowLink(scene: Scene): Promise<void> {
  const { link } = pick(scene, scene.crew.members);
  link.delay = 100 + scene.random() * 400;
  await sleep(3000);
  link.delay = 0;
}

/** Neither side is told: only deadlines find it out. */
async function deadLink(scene: Scene): Promise<void> {
  const { link } = pick(scene, scene.crew.members);
  link.die();
  await sleep(scene.lease + 1000);
  link.revive();
}

async function fillMemory(scene: Scene): Promise<void> {
  scene.redis.ask('CONFIG', 'SET', 'maxmemory', '1');
  await sleep(2000);
  scene.redis.ask('CONFIG', 'SET', 'maxmemory', '0');
}

async function loseRedis(scene: Scene): Promise<void> {
  scene.redis.ask('FLUSHALL');
  await scene.rebuild();
}

export const faults: Fault[] = [
  {
    name: 'worker killed',
    strike: (scene) => void worker(scene).process?.kill('SIGKILL'),
  },
  { name: 'executor killed', strike: killExecutor },
  {
    name: 'coordinator killed',
    strike: (scene) => void pick(scene, scene.crew.named('coordinator')).process?.kill('SIGKILL'),
  },
  { name: 'worker stopped past its lease', strike: stopWorker },
  { name: 'Redis killed, restarted', strike: restartRedis },
  { name: 'SCRIPT FLUSH', strike: ({ redis }) => void redis.ask('SCRIPT', 'FLUSH') },
  { name: 'CLIENT KILL', strike: ({ redis }) => void redis.ask('CLIENT', 'KILL', 'TYPE', 'normal') },
  { name: 'link cut', strike: (scene) => pick(scene, scene.crew.members).link.cut() },
  { name: 'slow link', strike: slowLink },
  { name: 'dead link', strike: deadLink },
  { name: 'memory full', strike: fillMemory },
];

/** Once a round at most. */
export const loss: Fault = { name: 'FLUSHALL, rebuilt', strike: loseRedis };
