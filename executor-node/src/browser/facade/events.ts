import type { Facade, Members } from './facade.ts';

type Listener = (...args: any[]) => unknown;

/** Puppeteer's names of events that the driver calls otherwise. */
const NAMES: Record<string, string> = { error: 'crash', workercreated: 'worker' };

/** A source of events that stands in for the driver's own, for one event of one object. */
export type EventSource = (target: any, facade: Facade, listener: Listener) => (() => void) | undefined;

/** Listeners of one driver's object: event, the script's function, and how to take it off again. */
const attached = new WeakMap<object, { event: string; listener: Listener; detach: () => void }[]>();

/** `on`, `once`, `off` and their other names, with facades for arguments. */
export function eventMembers(sources: Record<string, EventSource> = {}): Members {
  const add =
    (target: any, facade: Facade, self: () => unknown, once: boolean) =>
    (event: string, listener: Listener) => {
      const entry = { event, listener, detach: (): void => {} };
      const call: Listener = (...args) => {
        if (once) remove(target, entry);
        return listener(...args.map((arg) => facade.wrap(arg)));
      };
      entry.detach = sources[event]?.(target, facade, call) ?? listenTo(target, NAMES[event] ?? event, call);
      attached.set(target, [...attached.get(target) ?? [], entry]);
      return self();
    };
  const off = (target: any, self: () => unknown) => (event: string, listener: Listener) => {
    const found = attached.get(target)?.findLast((entry) =>
      entry.event === event && entry.listener === listener
    );
    if (found) remove(target, found);
    return self();
  };
  const on = (target: any, facade: Facade) => add(target, facade, () => facade.wrap(target), false);
  const removed = (target: any, facade: Facade) => off(target, () => facade.wrap(target));
  return {
    on,
    addListener: on,
    once: (target, facade) => add(target, facade, () => facade.wrap(target), true),
    off: removed,
    removeListener: removed,
    removeAllListeners: (target, facade) => (event?: string) => {
      for (const entry of attached.get(target) ?? []) {
        if (!event || entry.event === event) remove(target, entry);
      }
      return facade.wrap(target);
    },
    listenerCount: (target) => (event: string) =>
      (attached.get(target) ?? []).filter((entry) => entry.event === event).length,
  };
}

/** Takes the script's listeners off an object that goes on without it. */
export function removeListeners(target: object): void {
  for (const entry of attached.get(target) ?? []) entry.detach();
  attached.delete(target);
}

function remove(target: object, entry: { detach: () => void }): void {
  entry.detach();
  attached.set(target, (attached.get(target) ?? []).filter((other) => other !== entry));
}

function listenTo(target: any, event: string, listener: Listener): () => void {
  target.on(event, listener);
  return () => target.off(event, listener);
}
