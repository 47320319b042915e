import type { EmitAPI } from './context.ts';
import type { EnqueueOptions } from './events.ts';
import { beginBatch, endBatch } from './open-batches.ts';

export interface BatcherOptions {
  /** Items in a batch, from 1. */
  size: number;
  /** The script that gets a batch as `job.items`. */
  target: string;
  source?: string;
  category?: string;
  options?: EnqueueOptions;
}

export interface Batcher<Item> {
  /** Items that no `enqueue` holds yet. */
  readonly pending: number;
  /** Emits a batch when this item fills one. */
  add(item: Item): Promise<void>;
  /** Emits what is left, if anything is. */
  flush(): Promise<void>;
}

/**
 * Turns single items into one `enqueue` for every `size` of them, with `params.items`. What is left when the script has
 * returned is emitted by the executor, if `emit` is the script's own `ctx.emit`.
 * @throws RangeError when `size` is not a positive integer.
 */
export function createBatcher<Item>(
  emit: Pick<EmitAPI, 'enqueue'>,
  options: BatcherOptions,
): Batcher<Item> {
  const { size, target, source, category, options: enqueueOptions } = options;
  if (!Number.isInteger(size) || size < 1) {
    throw new RangeError(`size must be a positive integer, not ${size}`);
  }
  let items: Item[] = [];
  const flush = async (): Promise<void> => {
    if (items.length === 0) return;
    const batch = items;
    items = [];
    endBatch(emit, batcher);
    await emit.enqueue({
      target,
      params: { items: batch },
      source,
      category,
      options: enqueueOptions,
    });
  };
  const batcher = {
    target,
    get pending() {
      return items.length;
    },
    add: async (item: Item): Promise<void> => {
      if (items.push(item) === 1) beginBatch(emit, batcher);
      if (items.length >= size) await flush();
    },
    flush,
  };
  return batcher;
}
