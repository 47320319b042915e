// A real Redis for a round, which can be killed, and a look into it.
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithThisProcess } from './crew.ts';

export class Redis {
  readonly port: number;
  private readonly folder: string;
  private process?: ChildProcess;

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
    mkdirSync(folder, { recursive: true });
  }

  static async start(folder: string): Promise<Redis> {
    const redis = new Redis(folder, await freePort());
    await redis.start();
    return redis;
  }

  /** Its data is what it had: every write was in the file before it was answered. */
  async start(): Promise<void> {
    const options = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.folder, '--save', ''];
    this.process = spawn('redis-server', [
      ...options,
      '--appendonly',
      'yes',
      '--maxmemory-policy',
      'noeviction',
    ], {
      stdio: 'ignore',
    });
    endWithThisProcess(this.process);
    while (this.ask('PING') !== 'PONG') await sleep(50);
  }

  async kill(): Promise<void> {
    const gone = new Promise((done) => this.process?.once('exit', done));
    this.process?.kill('SIGKILL');
    await gone;
  }

  get pid(): number {
    return this.process?.pid ?? 0;
  }

  /** The answer as redis-cli prints it; what went wrong when Redis is away. */
  ask(...command: string[]): string {
    const { stdout, stderr } = spawnSync('redis-cli', ['-p', `${this.port}`, ...command], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    return (stdout || stderr).trim();
  }

  /** The answer as a value. */
  json<Value>(...command: string[]): Value {
    return JSON.parse(this.ask('--json', ...command)) as Value;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}
