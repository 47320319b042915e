// Reads a Lode dataset from a folder without any of Quarry's own code: the demo's and the tests' second opinion.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type StoredRecord = Record<string, unknown>;

interface Manifest {
  snapshot_id: string;
  parent_snapshot_id?: string;
  row_count: number;
  files: { path: string; size_bytes: number }[];
}

export class Dataset {
  /** From the oldest to the head. */
  readonly snapshots: Manifest[];
  private readonly root: string;

  /** @throws when the chain from `latest` to the first snapshot is broken. */
  constructor(root: string, id = 'quarry') {
    this.root = root;
    const folder = join(root, 'datasets', id);
    const chain: Manifest[] = [];
    let next: string | undefined = existsSync(join(folder, 'latest'))
      ? readFileSync(join(folder, 'latest'), 'utf8').trim()
      : undefined;
    while (next !== undefined) {
      const manifest = JSON.parse(
        readFileSync(join(folder, 'segments', next, 'manifest.json'), 'utf8'),
      ) as Manifest;
      chain.push(manifest);
      next = manifest.parent_snapshot_id;
    }
    this.snapshots = chain.reverse();
    this.folder = folder;
  }

  private readonly folder: string;

  /** Records of the partitions whose path holds all of the given parts, in the order of the chain. */
  *records(...parts: string[]): Generator<StoredRecord> {
    for (const snapshot of this.snapshots) {
      for (const file of snapshot.files) {
        if (!parts.every((part) => `/${file.path}/`.includes(`/${part}/`))) continue;
        const text = readFileSync(join(this.root, file.path), 'utf8');
        if (Buffer.byteLength(text) !== file.size_bytes) {
          throw new Error(`${file.path}: not the size the manifest says`);
        }
        for (const line of text.split('\n')) if (line) yield JSON.parse(line) as StoredRecord;
      }
    }
  }

  /** How many canonical manifests lie in the dataset; more than `snapshots` means a fork or a leftover. */
  get manifestCount(): number {
    const folder = join(this.folder, 'segments');
    return existsSync(folder) ? readdirSync(folder).length : 0;
  }

  /** The run that counts for each accepted task: the first in the chain, if there ever were two. */
  acceptedRuns(): Map<string, string> {
    const runs = new Map<string, string>();
    for (const record of this.records('source=_fleet', 'event_type=fleet')) {
      const task = record.task_id as string;
      if (record.kind === 'accepted' && !runs.has(task)) runs.set(task, record.accepted_run_id as string);
    }
    return runs;
  }
}
