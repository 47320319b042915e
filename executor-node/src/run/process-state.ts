import process from 'node:process';
import { driverGlobals } from '../browser/driver-location.ts';

/** Node makes these when `fetch` is first used. */
const NODES_OWN = /^Symbol\(undici\./;

/** What all code of a process shares and a run may change: compared, it shows what a run leaves to the next. */
export class ProcessState {
  private readonly globals = new Set(Reflect.ownKeys(globalThis));
  private readonly folder = process.cwd();
  private readonly environment = { ...process.env };

  /** What is no longer as it was, in words; undefined when all is. */
  change(): string | undefined {
    const isNew = (name: string | symbol) =>
      !this.globals.has(name) && !driverGlobals.has(name) && !NODES_OWN.test(String(name));
    const added = Reflect.ownKeys(globalThis).find(isNew);
    if (added !== undefined) return `the global '${String(added)}'`;
    if (process.cwd() !== this.folder) return 'another working directory';
    const name = changedName(this.environment, process.env);
    return name && `the environment variable ${name}`;
  }
}

type Environment = Record<string, string | undefined>;

function changedName(before: Environment, now: Environment): string | undefined {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names].find((name) => before[name] !== now[name]);
}
