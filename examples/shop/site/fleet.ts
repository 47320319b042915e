// Starts the processes of a fleet for the demo and its tests: one embedded Redis, one data folder, one log a process.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';

export class Fleet {
  readonly data: string;
  private readonly quarry: string;
  private readonly folder: string;
  private readonly shared: string[];
  private readonly children: ChildProcess[] = [];

  constructor(options: { quarry: string; folder: string; name: string; scriptRoot: string }) {
    this.quarry = options.quarry;
    this.folder = options.folder;
    this.data = join(options.folder, 'data');
    mkdirSync(this.data, { recursive: true });
    this.shared = ['--fleet', options.name, '--storage-path', this.data, '--script-root', options.scriptRoot];
  }

  /** Its output goes to this process' own when `show` is set, else to `coordinator.log`. */
  coordinator(args: string[], show = false): ChildProcess {
    return this.start('coordinator', args, show ? 'inherit' : undefined);
  }

  worker(name: string, args: string[] = []): ChildProcess {
    return this.start('worker', args, undefined, name);
  }

  log(name: string): string {
    return join(this.folder, `${name}.log`);
  }

  /** Sends a signal to every process that is still there. */
  signal(signal: NodeJS.Signals): void {
    for (const child of this.children) if (isRunning(child)) child.kill(signal);
  }

  /** Ends every process, kindly first where the signal allows it, and waits for them. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.signal('SIGCONT');
    this.signal(signal);
    await Promise.all(this.children.map(ended));
  }

  private start(command: string, args: string[], stdio: 'inherit' | undefined, name = command): ChildProcess {
    const output = stdio ?? openSync(this.log(name), 'w');
    const child = spawn(this.quarry, [command, ...this.shared, ...args], {
      env: { ...process.env, XDG_STATE_HOME: join(this.folder, 'state') },
      stdio: ['ignore', output, output],
    });
    this.children.push(child);
    return child;
  }
}

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

/** The exit code, or 128 for an end by a signal; rejects when the program could not be started. */
export function ended(child: ChildProcess): Promise<number> {
  if (!isRunning(child)) return Promise.resolve(child.exitCode ?? 128);
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => resolve(code ?? 128)).once('error', reject);
  });
}
