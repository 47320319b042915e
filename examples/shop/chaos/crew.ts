// The processes of a fleet under test: each has a link of its own to Redis, and comes again when it ends.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Link } from './link.ts';

export interface Member {
  name: string;
  link: Link;
  args: string[];
  process?: ChildProcess;
  /** Stopped by a fault: nobody starts it again meanwhile. */
  isHeld: boolean;
}

export class Crew {
  readonly members: Member[] = [];
  private isOver = false;
  private readonly quarry: string;
  private readonly folder: string;
  private readonly common: string[];

  constructor(quarry: string, folder: string, common: string[]) {
    this.quarry = quarry;
    this.folder = folder;
    this.common = common;
  }

  async add(name: string, port: number, args: string[]): Promise<Member> {
    const member: Member = { name, link: await Link.to(port), args, isHeld: false };
    this.members.push(member);
    this.start(member);
    return member;
  }

  named(part: string): Member[] {
    return this.members.filter((member) => member.name.startsWith(part));
  }

  start(member: Member): void {
    const output = openSync(join(this.folder, `${member.name}.log`), 'a');
    const [command, ...rest] = member.args;
    const child = spawn(this.quarry, [
      command,
      '--redis',
      `redis://127.0.0.1:${member.link.port}`,
      ...this.common,
      ...rest,
    ], {
      stdio: ['ignore', output, output],
    });
    member.process = child;
    endWithThisProcess(child);
    child.once('exit', () => {
      if (member.process === child) member.process = undefined;
      this.comeAgain(member);
    });
  }

  /** As a service manager does it. */
  private async comeAgain(member: Member): Promise<void> {
    await sleep(500);
    if (!this.isOver && !member.isHeld && member.process === undefined) this.start(member);
  }

  async stop(): Promise<void> {
    this.isOver = true;
    const gone = this.members.map((member) =>
      new Promise<void>((done) => {
        if (member.process === undefined) return done();
        member.process.once('exit', () => done());
        member.process.kill('SIGCONT');
        member.process.kill('SIGTERM');
      })
    );
    const patience = setTimeout(
      () => this.members.forEach((member) => member.process?.kill('SIGKILL')),
      20_000,
    );
    await Promise.all(gone);
    clearTimeout(patience);
    for (const member of this.members) member.link.close();
  }
}

/** Kills what is still there when this program ends in whichever way; executors end with their workers. */
export function endWithThisProcess(child: ChildProcess): void {
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
}

/** So that a signal ends this program by the way on which it tidies up. */
export function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(130));
  }
}

interface ProcessEntry {
  pid: number;
  parent: number;
  /** In bytes. */
  memory: number;
  command: string;
}

/** Every process that descends from this one. */
export function descendants(root: number): ProcessEntry[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      const field = (key: string): number =>
        Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return [{ pid: Number(name), parent: field('PPid'), memory: field('VmRSS') * 1024, command }];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
  const found: ProcessEntry[] = [];
  let parents = [root];
  while (parents.length > 0) {
    const children = all.filter((entry) => parents.includes(entry.parent));
    found.push(...children);
    parents = children.map((entry) => entry.pid);
  }
  return found;
}
