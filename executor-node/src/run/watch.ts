import process from 'node:process';
import { SinkFailedError, TerminalEventError } from '../../../sdk/src/index.ts';
import { toError } from '../errors.ts';
import { report } from '../report.ts';
import type { RunScope } from './scopes.ts';

/** Which failures end guarded work: any that the script lets fall, or only a wait that nothing can end. */
type Ends = 'any failure' | 'only a dead wait';

/**
 * Catches what a script lets fall: rejections that nobody handles, exceptions in its callbacks, and a wait that nothing
 * can end. While `guard` runs, the first of them fails the guarded work; outside it, and when they come from a run that
 * is over, they are only reported.
 */
export class FailureWatch {
  private active: { ends: Ends; fail: (error: Error) => void } | undefined;
  private stray: string | undefined;
  private readonly currentScope: () => RunScope | undefined;

  /** @param currentScope tells whose code is executing, where more than one run is served. */
  constructor(currentScope: () => RunScope | undefined = () => undefined) {
    this.currentScope = currentScope;
    process.on('unhandledRejection', (reason) => this.caught(reason, 'a rejection that nobody handled'));
    process.on('uncaughtException', (error) => this.caught(error, 'an exception that nobody caught'));
    process.on('beforeExit', () => this.nothingLeft());
  }

  /** The result of `work`, or the first failure that it let fall. */
  async guard<T>(work: () => T | Promise<T>, ends: Ends = 'any failure'): Promise<T> {
    const failure = Promise.withResolvers<never>();
    failure.promise.catch(() => {});
    this.active = { ends, fail: failure.reject };
    try {
      return await Promise.race([start(work), failure.promise]);
    } finally {
      this.active = undefined;
    }
  }

  /** What came since the last call from no run that goes on, in words. */
  takeStray(): string | undefined {
    const { stray } = this;
    this.stray = undefined;
    return stray;
  }

  /** Fails the guarded work from outside: what it stands on is gone. */
  fail(error: Error): void {
    this.active?.fail(error);
  }

  private nothingLeft(): void {
    if (!this.active) return;
    this.active.fail(new Error('the script waits for something that can no longer happen'));
    // Another turn of the event loop: without it the process would end before the next wait is looked at.
    setImmediate(() => {});
  }

  private caught(thrown: unknown, what: string): void {
    const error = toError(thrown);
    const expected = error instanceof TerminalEventError || error instanceof SinkFailedError;
    const scope = this.currentScope();
    if (!this.active || scope?.isOver) this.stray = what;
    if (this.active?.ends === 'any failure' && !expected && !scope?.isOver) return this.active.fail(error);
    report(
      `${what}${scope?.isOver ? ` in run ${scope.runID}, which is over` : ''}: ${
        error.stack ?? error.message
      }`,
    );
  }
}

// deno-lint-ignore require-await
const start = async <T>(work: () => T | Promise<T>): Promise<T> => work();
