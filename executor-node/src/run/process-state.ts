import process from 'node:process';

/** What all code of a process shares and a run may change: compared, it shows what a run leaves to the next. */
export class ProcessState {
  private readonly globals = new Set(Reflect.ownKeys(globalThis));
  private readonly listeners = listenerCounts();
  private readonly folder = process.cwd();
  private readonly environment = { ...process.env };

  /** What is no longer as it was, in words; undefined when all is. */
  change(): string | undefined {
    const added = Reflect.ownKeys(globalThis).find((name) => !this.globals.has(name));
    if (added !== undefined) return `the global '${String(added)}'`;
    if (listenerCounts() !== this.listeners) return 'a listener on process';
    if (process.cwd() !== this.folder) return 'another working directory';
    const name = changedName(this.environment, process.env);
    return name && `the environment variable ${name}`;
  }
}

const listenerCounts = (): string =>
  process.eventNames().map((name) => `${String(name)} ${process.listenerCount(name)}`).join();

type Environment = Record<string, string | undefined>;

function changedName(before: Environment, now: Environment): string | undefined {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names].find((name) => before[name] !== now[name]);
}
