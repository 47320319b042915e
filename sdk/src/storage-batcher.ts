import type { StorageAPI, StorageFile, StoredFile } from './storage.ts';

export interface StorageBatcher {
  /** Files that are not stored yet. */
  readonly pending: number;
  /** Queues a file; `result` settles with its own `put`, or with the first error of another. */
  add(file: StorageFile): { result: Promise<StoredFile> };
  /** Resolves when all is stored; rejects with the first error. */
  flush(): Promise<void>;
}

/**
 * Stores many files, at most `concurrency` at a time. The first error rejects all that is queued and every later
 * `add`; after a `flush` that resolved the batcher can be used again.
 * @throws RangeError when `concurrency` is not a positive integer.
 */
export function createStorageBatcher(
  storage: StorageAPI,
  { concurrency = 16 }: { concurrency?: number } = {},
): StorageBatcher {
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new RangeError(
      `concurrency must be a positive integer, not ${concurrency}`,
    );
  }
  return new BoundedStorage(storage, concurrency);
}

interface Queued extends PromiseWithResolvers<StoredFile> {
  file: StorageFile;
}

class BoundedStorage implements StorageBatcher {
  private readonly storage: StorageAPI;
  private readonly concurrency: number;
  private queue: Queued[] = [];
  private active = 0;
  private failure: { error: unknown } | undefined;
  private idle: PromiseWithResolvers<void> | undefined;

  constructor(storage: StorageAPI, concurrency: number) {
    this.storage = storage;
    this.concurrency = concurrency;
  }

  get pending(): number {
    return this.queue.length + this.active;
  }

  add(file: StorageFile): { result: Promise<StoredFile> } {
    const queued: Queued = { file, ...Promise.withResolvers<StoredFile>() };
    // `flush` reports the error too, so a result that nobody looks at is no unhandled rejection.
    queued.promise.catch(() => {});
    if (this.failure) queued.reject(this.failure.error);
    else {
      this.queue.push(queued);
      this.start();
    }
    return { result: queued.promise };
  }

  async flush(): Promise<void> {
    if (this.pending > 0) {
      await (this.idle ??= Promise.withResolvers<void>()).promise;
    }
    if (this.failure) throw this.failure.error;
  }

  private start(): void {
    while (this.active < this.concurrency) {
      const next = this.queue.shift();
      if (!next) return;
      this.active++;
      this.store(next);
    }
  }

  private async store(queued: Queued): Promise<void> {
    try {
      queued.resolve(await this.storage.put(queued.file));
    } catch (error) {
      queued.reject(error);
      this.fail(error);
    }
    this.active--;
    this.start();
    if (this.pending === 0) {
      this.idle?.resolve();
      this.idle = undefined;
    }
  }

  private fail(error: unknown): void {
    this.failure ??= { error };
    for (const { reject } of this.queue.splice(0)) reject(this.failure.error);
  }
}
