import process from 'node:process';
import { Readable } from 'node:stream';

/**
 * Sends what is written to `process.stdout`, also by `console`, to stderr instead, with one warning: standard output
 * belongs to frames. Both streams share one writer from then on, so their lines keep their order. A stderr that nobody reads
 * any more is no failure of the script's.
 */
export function guardStdout(): void {
  let warned = false;
  const redirected = (
    ...args: Parameters<typeof process.stderr.write>
  ): boolean => {
    if (!warned) {
      warned = true;
      process.stderr.write(
        'quarry-executor: standard output belongs to frames; text written there goes to stderr\n',
      );
    }
    return process.stderr.write(...args);
  };
  process.stderr.on('error', () => {});
  process.stdout.write = redirected as typeof process.stdout.write;
}

/**
 * Standard input, which belongs to the runtime: for everybody else `process.stdin` is from now on a stream that has
 * ended, so that a script cannot read, pause or close what its acks and the next request come through.
 */
export function ownStdin(): Readable {
  const own = process.stdin;
  let others: Readable | undefined;
  Object.defineProperty(process, 'stdin', {
    configurable: true,
    enumerable: true,
    get: () => others ??= Object.assign(Readable.from([]), { isTTY: false }),
  });
  return own;
}
