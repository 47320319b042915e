import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import process from 'node:process';

/** What can go on after a run, by the names that Node gives them, in words for people. */
const KINDS: Record<string, string> = {
  FSEVENTWRAP: 'a file watcher',
  Immediate: 'an immediate',
  PIPESERVERWRAP: 'a server',
  PIPEWRAP: 'a pipe',
  PROCESSWRAP: 'a child process',
  STATWATCHER: 'a file watcher',
  TCPSERVERWRAP: 'a server',
  TCPWRAP: 'a connection',
  Timeout: 'a timer',
  UDPWRAP: 'a socket',
  WORKER: 'a worker thread',
};

interface Listening {
  event: string | symbol;
  listener: (...args: any[]) => void;
}

/** Node's types know only the process' own events. */
const emitter: EventEmitter = process;

interface Resource {
  hasRef?(): boolean;
}

/** One run's own code, told from that of the runs before it by the context that Node carries through callbacks. */
export class RunScope {
  readonly runID: string;
  /** Set when the run is over: what happens in this scope from then on is nobody's. */
  isOver = false;
  private readonly resources = new Map<number, { kind: string; resource: Resource }>();
  private readonly listeners: Listening[] = [];
  private hasTakenListener = false;

  constructor(runID: string) {
    this.runID = runID;
  }

  enter<T>(work: () => T): T {
    return scopes.run(this, work);
  }

  /** What the run began and did not end: what keeps a process alive, and listeners on it; undefined for nothing. */
  leftBehind(): string | undefined {
    const alive = [...this.resources.values()].find(({ resource }) => resource.hasRef?.() !== false);
    if (alive) return KINDS[alive.kind];
    if (this.hasTakenListener) return 'a listener less on process';
    const listens = ({ event, listener }: Listening) => emitter.listeners(event).includes(listener);
    return this.listeners.some(listens) ? 'a listener on process' : undefined;
  }

  note(id: number, kind: string, resource: Resource): void {
    this.resources.set(id, { kind, resource });
    owners.set(id, this);
  }

  forget(id: number): void {
    this.resources.delete(id);
  }

  /** A listener was put on the process. */
  noteListener(listening: Listening): void {
    this.listeners.push(listening);
  }

  /** A listener was taken off the process. */
  noteTaken({ event, listener }: Listening): void {
    this.hasTakenListener ||= !this.listeners.some((own) => own.event === event && own.listener === listener);
  }
}

/**
 * What a browser session brings from outside, told from what other sessions bring. Its connection is opened outside of
 * its run, often before it, and yet the listeners, routes and exposed functions that it calls are the run's code.
 */
export class SessionScope {
  /** Whose the session is; undefined while it waits for a run. */
  run: RunScope | undefined;

  /** Whatever comes through what `work` opens comes in this scope. */
  enter<T>(work: () => T): T {
    return scopes.run(this, work);
  }
}

const scopes = new AsyncLocalStorage<RunScope | SessionScope>();
const owners = new Map<number, RunScope>();

/** The run whose code is executing; undefined outside of all. */
export function currentScope(): RunScope | undefined {
  const scope = scopes.getStore();
  return scope instanceof SessionScope ? scope.run : scope;
}

/** Calls `work` as code of no run. */
export const outsideScopes = <T>(work: () => T): T => scopes.exit(work);

/** From now on each scope knows what its code begins. */
export function watchScopes(): void {
  const options = {
    // Promises are by far the most, and none of them keeps a process alive.
    trackPromises: false,
    init(id: number, kind: string, _trigger: number, resource: object) {
      if (kind in KINDS) currentScope()?.note(id, kind, resource as Resource);
    },
    destroy(id: number) {
      owners.get(id)?.forget(id);
      owners.delete(id);
    },
  };
  createHook(options).enable();
  emitter.on('newListener', (event, listener) => currentScope()?.noteListener({ event, listener }));
  emitter.on('removeListener', (event, listener) => {
    const scope = scopes.getStore();
    // What ends with a browser takes its own listeners with it.
    if (scope instanceof RunScope) scope.noteTaken({ event, listener });
  });
}
