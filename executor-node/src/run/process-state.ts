import process from 'node:process';

/** Globals that came with a browser's driver: no run left them. */
const ofDrivers = new Set<PropertyKey>();

/** The result of loading a driver, whose globals are from then on nobody's. */
export async function loadingDriver<T>(load: () => Promise<T>): Promise<T> {
  const before = new Set(Reflect.ownKeys(globalThis));
  const loaded = await load();
  for (const name of Reflect.ownKeys(globalThis)) if (!before.has(name)) ofDrivers.add(name);
  return loaded;
}

/** What all code of a process shares and a run may change: compared, it shows what a run leaves to the next. */
export class ProcessState {
  private readonly globals = new Set(Reflect.ownKeys(globalThis));
  private readonly folder = process.cwd();
  private readonly environment = { ...process.env };

  /** What is no longer as it was, in words; undefined when all is. */
  change(): string | undefined {
    const added = Reflect.ownKeys(globalThis).find((name) => !this.globals.has(name) && !ofDrivers.has(name));
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
