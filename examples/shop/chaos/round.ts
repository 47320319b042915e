// One crawl of the shop by a coordinator that is replaced when it dies, a second one that waits for that, and three workers.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalogue } from '../site/catalogue.ts';
import { startShop } from '../site/server.ts';
import type { Shop } from '../site/server.ts';
import { Crew } from './crew.ts';
import type { FleetEvent, Visit } from './audit.ts';
import { Redis } from './redis.ts';

export interface RoundOptions {
  quarry: string;
  folder: string;
  scriptRoot: string;
  script: string;
  catalogue: Catalogue;
  workers: number;
  concurrency: number;
  bounds: { slots: number; gap: number };
}

export const lease = 3000;
// Leases are short and the machine is busy: what a fault costs a task is never its last try.
const patience =
  '--lease 3s --heartbeat 1s --retry-base 200ms --retry-cap 1s --crash-base 200ms --block-base 200ms';

export class Round {
  readonly data: string;
  readonly redis: Redis;
  readonly crew: Crew;
  readonly events: FleetEvent[] = [];
  readonly visits: Visit[] = [];
  private readonly shop: Shop;
  private readonly options: RoundOptions;
  private lastEvent = '-';
  private job = '';

  private constructor(options: RoundOptions, redis: Redis, shop: Shop) {
    this.options = options;
    this.redis = redis;
    this.shop = shop;
    this.data = join(options.folder, 'data');
    const common = ['--fleet', 'chaos', '--storage-path', this.data, '--script-root', options.scriptRoot];
    this.crew = new Crew(options.quarry, options.folder, common);
    shop.server.on('request', (request, response) => {
      if (request.url?.startsWith('/picture/')) return;
      const visit = { begun: Date.now(), ended: Infinity };
      this.visits.push(visit);
      response.once('close', () => visit.ended = Date.now());
    });
  }

  static async begin(options: RoundOptions): Promise<Round> {
    mkdirSync(join(options.folder, 'data'), { recursive: true });
    const redis = await Redis.start(join(options.folder, 'redis'));
    const round = new Round(
      options,
      redis,
      await startShop(options.catalogue, { slowMs: 1500, latencyMs: 60 }),
    );
    try {
      await round.populate();
    } catch (error) {
      await round.end();
      throw error;
    }
    return round;
  }

  private async populate(): Promise<void> {
    const { redis, crew, options } = this;
    for (const name of ['coordinator-1', 'coordinator-2']) {
      await crew.add(name, redis.port, ['coordinator', ...patience.split(' ')]);
    }
    for (let number = 1; number <= options.workers; number++) {
      await crew.add(`worker-${number}`, redis.port, ['worker', '--concurrency', `${options.concurrency}`]);
    }
    while (redis.ask('EXISTS', 'quarry:{chaos}:meta') !== '1') await sleep(50);
    this.submit('crawl');
  }

  /** From now on this job is the one that is looked at. */
  submit(job: string): void {
    this.job = job;
    const { bounds, quarry, script } = this.options;
    const asked = [
      'submit',
      ...[
        '--redis',
        `redis://127.0.0.1:${this.redis.port}`,
        '--fleet',
        'chaos',
        '--job-id',
        job,
        '--wait',
        '60s',
      ],
      ...['--script', script, '--job', JSON.stringify({ url: `${this.shop.url}/` })],
      ...'--source shop --depth 500 --attempts 6 --crashes 100 --blocks 50'.split(' '),
      ...['--host-concurrency', `${bounds.slots}`, '--host-delay', `${bounds.gap}ms`],
    ];
    const { status, stderr } = spawnSync(quarry, asked, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`quarry submit ended with ${status}: ${stderr}`);
  }

  /** Brings the job back after Redis has lost it; the process follows it to its end. */
  async rebuild(): Promise<void> {
    this.events.push({ type: 'lost', at: Date.now() });
    await sleep(2000);
    const member = await this.crew.add('coordinator-rebuild', this.redis.port, [
      ...`coordinator --rebuild --resume ${this.job} --allow-dead 1 --attempts 6 --crashes 100 --blocks 50`
        .split(
          ' ',
        ),
      ...patience.split(' '),
    ]);
    member.process?.once('exit', (code) => member.isHeld = code !== 3);
  }

  get isFinished(): boolean {
    return this.redis.ask('HGET', `quarry:{chaos}:job:${this.job}`, 'state') === 'finished';
  }

  get leased(): string[] {
    const answer = this.redis.ask('ZRANGE', 'quarry:{chaos}:leases', '0', '-1');
    return answer.split('\n').filter((line) => /^[\w-]+$/.test(line));
  }

  /** Reads on in the fleet's events. */
  follow(): void {
    let batch: [string, string[]][] | Record<string, string[]>;
    try {
      const from = this.lastEvent === '-' ? '-' : `(${this.lastEvent}`;
      batch = this.redis.json('XRANGE', 'quarry:{chaos}:events', from, '+');
    } catch {
      return; // Redis is away: later.
    }
    for (const [id, fields] of Array.isArray(batch) ? batch : Object.entries(batch)) {
      this.lastEvent = id;
      const event: Record<string, string> = {};
      for (let i = 0; i + 1 < fields.length; i += 2) event[fields[i]] = fields[i + 1];
      this.events.push({ ...event, type: event.type, at: Number(event.at) });
    }
  }

  async end(): Promise<void> {
    this.follow();
    await this.crew.stop();
    await this.redis.kill();
    this.shop.server.close().closeAllConnections();
  }
}
