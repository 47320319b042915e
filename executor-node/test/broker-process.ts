import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';

const BROKER = join(import.meta.dirname ?? '.', '../bin/quarry-browser');

export interface Broker {
  child: ChildProcess;
  endpoint: string;
  /** In the environment of it and of all that it starts. */
  mark: string;
  /** Process ids of the browsers that belong to it. */
  browsers(): number[];
}

/** The program that keeps a browser, ended with the test. */
export async function startBroker(
  t: TestContext,
  environment: Record<string, string> = {},
  args: string[] = [],
): Promise<Broker> {
  const mark = `broker-${process.pid}-${Math.random()}`;
  const child = spawn(BROKER, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, QUARRY_TEST_MARK: mark, ...environment },
  });
  t.after(() => child.kill('SIGKILL'));
  const [line] = await once(child.stdout!, 'data');
  return {
    child,
    mark,
    endpoint: JSON.parse(String(line)).ws_endpoint,
    browsers: () => markedProcesses(mark).filter((pid) => pid !== child.pid),
  };
}

/** Processes whose environment holds the mark and that are no zombies. */
export const markedProcesses = (mark: string): number[] =>
  readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark);
    } catch {
      return false;
    }
  });
