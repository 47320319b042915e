/** An `emit` call after the run's terminal event. */
export class TerminalEventError extends Error {
  override name = 'TerminalEventError';

  constructor(type: string, terminal: string) {
    super(`${type} cannot be emitted: the run already ended with ${terminal}`);
  }
}

/** The runtime no longer takes what the script says; nothing can be emitted any more. */
export class SinkFailedError extends Error {
  override name = 'SinkFailedError';

  constructor(cause: Error) {
    super(`the runtime no longer reads: ${cause.message}`, { cause });
  }
}

/** A payload that cannot be stored. Nothing was sent, and the next `emit` call works. */
export class PayloadError extends TypeError {
  override name = 'PayloadError';
}

/** A filename that `storage.put` cannot take. Nothing was sent. */
export class StorageFilenameError extends Error {
  override name = 'StorageFilenameError';
}

/** Storage did not take a file; the run goes on. */
export class StorageWriteError extends Error {
  override name = 'StorageWriteError';

  constructor(filename: string, reason: string) {
    super(`${filename} was not stored: ${reason}`);
  }
}
