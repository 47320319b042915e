// What two runs of one script have stored: `node compare.ts DATA` prints a table, and ends with 1 when more differs than
// may. Reads the dataset without any of Quarry's own code.
import process from 'node:process';
import { Dataset, type StoredRecord } from '../shop/site/dataset.ts';

/** What a policy may leave out. */
export const DROPPABLE = ['enqueue', 'log', 'rotate_proxy'];

export interface Comparison {
  /** By event type. */
  counts: Map<string, { precise: number; quick: number }>;
  /** What should not be; empty when only droppable events are missing. */
  problems: string[];
  /** Bytes of artifacts by name, as each of the runs has stored them. */
  artifacts: { precise: Map<string, string>; quick: Map<string, string> };
  /** What the metrics record of the quick run says was dropped. */
  dropped: Record<string, number>;
}

export function compare(folder: string): Comparison {
  const dataset = new Dataset(folder);
  const precise = [...dataset.records('category=precise')];
  const quick = [...dataset.records('category=quick')];
  const [all, kept] = [events(precise), events(quick)];
  const counts = new Map<string, { precise: number; quick: number }>();
  const problems: string[] = [];
  for (const [seq, event] of all) {
    const type = event.event_type as string;
    const count = counts.get(type) ?? { precise: 0, quick: 0 };
    counts.set(type, count);
    count.precise++;
    const other = kept.get(seq);
    if (other) count.quick++;
    if (!other && !DROPPABLE.includes(type)) problems.push(`event ${seq}, of type ${type}, is missing`);
    if (other && said(other) !== said(event)) {
      problems.push(`event ${seq} differs: ${said(event)}, ${said(other)}`);
    }
  }
  for (const seq of kept.keys()) if (!all.has(seq)) problems.push(`event ${seq} is in the quick run alone`);
  for (const type of unordered(kept)) problems.push(`events of type ${type} are not in their order`);
  const metrics = quick.find((record) => record.record_kind === 'metrics');
  const dropped = (metrics?.dropped_by_type ?? {}) as Record<string, number>;
  return { counts, problems, artifacts: { precise: bytes(precise), quick: bytes(quick) }, dropped };
}

/** Types, which have a partition each, whose events are not stored in the order of the run. */
function unordered(events: Map<number, StoredRecord>): string[] {
  const last = new Map<unknown, number>();
  const wrong = new Set<string>();
  for (const [seq, { event_type }] of events) {
    if (seq <= (last.get(event_type) ?? 0)) wrong.add(event_type as string);
    last.set(event_type, seq);
  }
  return [...wrong];
}

/** Events in the order of storage, by their place in the run. */
const events = (records: StoredRecord[]): Map<number, StoredRecord> =>
  new Map(
    records.filter(({ record_kind }) => record_kind === 'event' || record_kind === 'artifact_event')
      .map((record) => [record.seq as number, record]),
  );

/** An event without what is new in each run: ids and times. */
function said(event: StoredRecord): string {
  const { event_type, payload, name, content_type, size_bytes } = event;
  return JSON.stringify({ event_type, payload, name, content_type, size_bytes });
}

function bytes(records: StoredRecord[]): Map<string, string> {
  const names = new Map(
    records.filter(({ record_kind }) => record_kind === 'artifact_event')
      .map(({ artifact_id, name }) => [artifact_id, name as string]),
  );
  const found = new Map<string, string>();
  for (const { record_kind, artifact_id, data } of records) {
    if (record_kind !== 'artifact_chunk') continue;
    const name = names.get(artifact_id) ?? 'an orphan';
    found.set(name, (found.get(name) ?? '') + Buffer.from(data as string, 'base64').toString());
  }
  return found;
}

if (import.meta.main) {
  const { counts, problems, dropped } = compare(process.argv[2]);
  const rows = [...counts].sort(([a], [b]) => a.localeCompare(b));
  console.table(
    Object.fromEntries(
      rows.map(([type, { precise, quick }]) => [type, { precise, quick, dropped: dropped[type] ?? 0 }]),
    ),
  );
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
