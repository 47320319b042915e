import process from 'node:process';
import { SinkFailedError, TerminalEventError } from '../../../sdk/src/index.ts';
import { toError } from '../errors.ts';
import { report } from '../report.ts';

/**
 * Catches what a script lets fall: rejections that nobody handles, exceptions in its callbacks, and a wait that nothing
 * can end. While `guard` runs, the first of them fails the guarded work; outside it they are only reported.
 */
export class FailureWatch {
  private active: PromiseWithResolvers<never> | undefined;

  constructor() {
    process.on('unhandledRejection', (reason) => this.caught(reason, 'a rejection that nobody handled'));
    process.on('uncaughtException', (error) => this.caught(error, 'an exception that nobody caught'));
    process.on('beforeExit', () => this.caught(new Error(NEVER), 'a wait without end'));
  }

  /** The result of `work`, or the first failure that it let fall. */
  async guard<T>(work: () => T | Promise<T>): Promise<T> {
    const active = Promise.withResolvers<never>();
    active.promise.catch(() => {});
    this.active = active;
    try {
      return await Promise.race([start(work), active.promise]);
    } finally {
      this.active = undefined;
    }
  }

  private caught(thrown: unknown, what: string): void {
    const error = toError(thrown);
    const expected = error instanceof TerminalEventError || error instanceof SinkFailedError;
    if (this.active && !expected) this.active.reject(error);
    else report(`${what}: ${error.stack ?? error.message}`);
  }
}

const NEVER = 'the script waits for something that can no longer happen';

// deno-lint-ignore require-await
const start = async <T>(work: () => T | Promise<T>): Promise<T> => work();
