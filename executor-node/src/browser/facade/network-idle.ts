const DEFAULT_IDLE_MS = 500;
const DEFAULT_TIMEOUT_MS = 30_000;

export interface IdleOptions {
  /** How long it must stay quiet, ms. */
  idleTime?: number;
  /** How many requests may still be on their way. */
  concurrency?: number;
  /** ms; 0 waits for ever. */
  timeout?: number;
}

const known = new WeakMap<object, NetworkActivity>();

/** Counts a page's requests that are on their way, from the first time somebody asks. */
export class NetworkActivity {
  private readonly running = new Set<unknown>();
  private readonly watchers = new Set<() => void>();

  static of(page: any): NetworkActivity {
    const activity = known.get(page) ?? new NetworkActivity(page);
    known.set(page, activity);
    return activity;
  }

  private constructor(page: any) {
    page.on('request', (request: unknown) => this.change(() => this.running.add(request)));
    for (const event of ['requestfinished', 'requestfailed']) {
      page.on(event, (request: unknown) => this.change(() => this.running.delete(request)));
    }
  }

  /** Resolves when no more than `concurrency` requests were on their way for `idleTime`. @throws after `timeout`. */
  idle(
    { idleTime = DEFAULT_IDLE_MS, concurrency = 0, timeout = DEFAULT_TIMEOUT_MS }: IdleOptions = {},
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      let quiet: ReturnType<typeof setTimeout> | undefined;
      const end = (settle: () => void): void => {
        clearTimeout(quiet);
        clearTimeout(limit);
        this.watchers.delete(look);
        settle();
      };
      const look = (): void => {
        if (this.running.size > concurrency) {
          clearTimeout(quiet);
          quiet = undefined;
        } else quiet ??= setTimeout(() => end(resolve), idleTime);
      };
      const late = (): void => end(() => reject(timeoutError(timeout)));
      const limit = timeout > 0 ? setTimeout(late, timeout) : undefined;
      this.watchers.add(look);
      look();
    });
  }

  private change(what: () => void): void {
    what();
    for (const look of this.watchers) look();
  }
}

function timeoutError(timeout: number): Error {
  const error = new Error(`Timed out after waiting ${timeout}ms for the network to be idle`);
  error.name = 'TimeoutError';
  return error;
}
