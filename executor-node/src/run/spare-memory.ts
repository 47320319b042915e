import process from 'node:process';

/** From one collection to the next. */
const RUNS = 100;

type Collect = (how: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/**
 * Gives back what served runs no longer need. By itself Node lets a process grow as long as there is memory, and the
 * room for new objects never shrinks; a collection takes some tens of milliseconds, so it has its time between two runs.
 */
export class SpareMemory {
  private runs = 0;
  private collect: Collect | undefined;

  /** To be called after each run. */
  noteRun(): void {
    if (++this.runs % RUNS !== 0) return;
    this.collect ??= collector();
    this.collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }
}

/** Node gives the collector to contexts that are made while the flag is set; those of scripts are not among them. */
function collector(): Collect {
  // Loaded here, so that no start pays for them.
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  const { runInNewContext } = process.getBuiltinModule('node:vm');
  setFlagsFromString('--expose-gc');
  try {
    return runInNewContext('gc');
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}
