// What a crawl came to, judged from outside: the shop's generator, the dataset, the fleet's events, the site's access log.
import { checkCrawl } from '../site/check.ts';
import { expectedPages } from '../site/catalogue.ts';
import type { Catalogue } from '../site/catalogue.ts';
import { Dataset } from '../site/dataset.ts';

export interface Bounds {
  /** Tasks on the host at once, and the time between two starts in ms. */
  slots: number;
  gap: number;
}

export interface FleetEvent {
  type: string;
  /** The fleet's time, in ms. */
  at: number;
  task?: string;
  run?: string;
  worker?: string;
}

export interface Visit {
  begun: number;
  ended: number;
}

export interface Verdict {
  lost: number;
  twice: number;
  missing: number;
  extra: number;
  /** By the fleet's own log. */
  impolite: number;
  /** By the site's log, beyond the tolerance. */
  seen: number;
  problems: string[];
}

export function judge(
  data: string,
  catalogue: Catalogue,
  bounds: Bounds,
  events: FleetEvent[],
  visits: Visit[],
  tolerance: number,
): Verdict {
  const dataset = new Dataset(data);
  const accepted = dataset.acceptedRuns();
  const records = [...dataset.records('source=_fleet', 'event_type=fleet')];
  const dead = new Set(
    records.filter(({ kind }) => kind === 'dead').map((record) => record.task_id as string),
  );
  for (const task of accepted.keys()) dead.delete(task);
  const { problems } = checkCrawl(data, catalogue);
  const count = (text: string): number => problems.filter((problem) => problem.includes(text)).length;
  return {
    lost: Math.max(0, expectedPages(catalogue) - accepted.size - dead.size),
    twice: count('accepted more than once') +
      Math.max(0, accepted.size + dead.size - expectedPages(catalogue)),
    missing: count('is missing') + count('differs') + count('not in storage'),
    extra: count('is no product'),
    impolite: tooClose(events, bounds.gap) + tooMany(events, bounds.slots),
    seen: crowds(visits, bounds.slots + tolerance),
    problems,
  };
}

/** Starts that came sooner after another than they may. What Redis lost it cannot space. */
function tooClose(events: FleetEvent[], gap: number): number {
  let last = -Infinity;
  let found = 0;
  for (const { type, at } of events) {
    if (type === 'lost') last = -Infinity;
    if (type !== 'run_started') continue;
    if (at < last + gap) found++;
    last = at;
  }
  return found;
}

const ends = ['run_completed', 'task_retry', 'task_dead', 'run_superseded'];

/** Starts beside as many runs as there may be. A run that was given back is known to be over by its task's next start. */
function tooMany(events: FleetEvent[], slots: number): number {
  const running = new Map<string, FleetEvent>();
  let found = 0;
  for (const event of events) {
    if (event.type === 'lost') running.clear();
    if (event.type === 'worker_up' || event.type === 'worker_down') {
      for (const [task, { worker }] of running) if (worker === event.worker) running.delete(task);
    }
    if (event.task === undefined) continue;
    if (ends.includes(event.type) && running.get(event.task)?.run === event.run) running.delete(event.task);
    if (event.type !== 'run_started') continue;
    running.set(event.task, event);
    if (running.size > slots) found++;
  }
  return found;
}

/** Visits that began beside more others than there may be. */
function crowds(visits: Visit[], most: number): number {
  const moments = visits.flatMap(({ begun, ended }) => [{ at: begun, by: 1 }, { at: ended, by: -1 }]);
  moments.sort((a, b) => a.at - b.at || a.by - b.by);
  let there = 0;
  let found = 0;
  for (const { by } of moments) {
    there += by;
    if (by > 0 && there > most) found++;
  }
  return found;
}
