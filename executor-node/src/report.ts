import process from 'node:process';

/** One line, or some, for whoever reads the executor's stderr. */
export function report(text: string): void {
  process.stderr.write(`quarry-executor: ${text}\n`);
}
