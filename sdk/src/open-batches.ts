/** A batch that is begun and not emitted. */
export interface OpenBatch {
  readonly target: string;
  /** Items in it. */
  readonly pending: number;
  flush(): Promise<void>;
}

const open = new WeakMap<object, Set<OpenBatch>>();

/** @param emit what the batch goes out by; a run has one of its own */
export function beginBatch(emit: object, batch: OpenBatch): void {
  const batches = open.get(emit) ?? new Set();
  open.set(emit, batches.add(batch));
}

export function endBatch(emit: object, batch: OpenBatch): void {
  open.get(emit)?.delete(batch);
}

/** What a script has forgotten to flush, for the executor at the script's end. */
export const openBatches = (emit: object): OpenBatch[] => [...(open.get(emit) ?? [])];
