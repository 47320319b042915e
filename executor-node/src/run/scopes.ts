import { AsyncLocalStorage, createHook } from 'node:async_hooks';

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

interface Resource {
  hasRef?(): boolean;
}

/** One run's own code, told from that of the runs before it by the context that Node carries through callbacks. */
export class RunScope {
  readonly runID: string;
  /** Set when the run is over: what happens in this scope from then on is nobody's. */
  isOver = false;
  private readonly resources = new Map<number, { kind: string; resource: Resource }>();

  constructor(runID: string) {
    this.runID = runID;
  }

  enter<T>(work: () => T): T {
    return scopes.run(this, work);
  }

  /** What the run began and did not end, of the things that keep a process alive; undefined for nothing. */
  leftBehind(): string | undefined {
    const alive = [...this.resources.values()].filter(({ resource }) => resource.hasRef?.() !== false);
    return alive[0] && KINDS[alive[0].kind];
  }

  note(id: number, kind: string, resource: Resource): void {
    this.resources.set(id, { kind, resource });
    owners.set(id, this);
  }

  forget(id: number): void {
    this.resources.delete(id);
  }
}

const scopes = new AsyncLocalStorage<RunScope>();
const owners = new Map<number, RunScope>();

/** The run whose code is executing; undefined outside of all. */
export const currentScope = (): RunScope | undefined => scopes.getStore();

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
}
