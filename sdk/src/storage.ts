import { StorageFilenameError } from './errors.ts';

/** A file to keep beside the run's records. */
export interface StorageFile {
  /** One name, without `/`, `\` or `..`; once per run. */
  filename: string;
  content_type: string;
  /** At most 8 MiB; text is stored as UTF-8. */
  data: Uint8Array | ArrayBuffer | string;
}

export interface StoredFile {
  /** The file's key from the root of the storage; empty when the runtime did not say where it stores. */
  key: string;
}

export interface StorageAPI {
  /** Resolves when the file is stored. @throws StorageFilenameError, StorageWriteError, RangeError over 8 MiB */
  put(file: StorageFile): Promise<StoredFile>;
}

/** Where a run's records and files lie. */
export interface StoragePartition {
  dataset: string;
  source: string;
  category: string;
  /** UTC, `YYYY-MM-DD`. */
  day: string;
  run_id: string;
}

/** The key of a run's file, from the root of the storage; empty without a partition. */
export function storageKey(
  partition: StoragePartition | undefined,
  filename: string,
): string {
  if (!partition) return '';
  const { dataset, source, category, day, run_id } = partition;
  const path = Object.entries({ source, category, day, run_id })
    .map(([name, value]) => `${name}=${escapePartitionValue(value)}`)
    .join('/');
  return `datasets/${dataset}/partitions/${path}/files/${filename}`;
}

/** One path segment as the runtime writes it: letters, digits and `-_.~$&+:=@` stay, other bytes become `%XX`. */
export function escapePartitionValue(value: string): string {
  return encodeURIComponent(value.toWellFormed())
    .replace(
      /%(24|26|2B|3A|3D|40)/g,
      (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)),
    )
    .replace(
      /[!'()*]/g,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
    );
}

/** @throws StorageFilenameError that says what is wrong with the name. */
export function validateFilename(
  filename: unknown,
): asserts filename is string {
  if (typeof filename !== 'string') {
    throw new StorageFilenameError('the filename is not a string');
  }
  if (filename === '') throw new StorageFilenameError('the filename is empty');
  if (/[/\\]/.test(filename) || filename.includes('..') || filename === '.') {
    throw new StorageFilenameError(
      `filename ${JSON.stringify(filename)} may hold no '/', '\\' or '..'`,
    );
  }
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(filename)) {
    throw new StorageFilenameError(
      `filename ${JSON.stringify(filename)} holds a control character`,
    );
  }
}
