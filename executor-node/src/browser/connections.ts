import { AsyncLocalStorage } from 'node:async_hooks';

/** A connection that one session at a time has. */
interface Connection {
  endpoint: string;
  browser: any;
  /** What it holds when no session has it. */
  empty: string;
  /** Calls work as that of the session that has it. */
  enter: (work: () => unknown) => unknown;
}

/** An open connection keeps the browser from idling, so it is closed when no session wants it for so long. */
const EXPIRY_MS = 10_000;

/**
 * Connections to browser servers that go from session to session: to open one costs more than a context and a page in it.
 * Each session has one to itself, so that a script sees nothing but its own contexts.
 */
export class Connections {
  private readonly known = new WeakMap<object, Connection>();
  private idle: Connection[] = [];
  private expiry: ReturnType<typeof setTimeout> | undefined;

  /** A connection that waits; the caller has it from now on. Undefined when there is none. */
  take(endpoint: string): any {
    clearTimeout(this.expiry);
    const fits = (one: Connection) => one.endpoint === endpoint && isEmpty(one);
    const taken = this.idle.find(fits);
    const others = this.idle.filter((one) => one !== taken);
    this.idle = others.filter(fits);
    others.filter((one) => !fits(one)).forEach(close);
    this.expireLater();
    if (taken) taken.enter = AsyncLocalStorage.snapshot();
    return taken?.browser;
  }

  /** To be called with a new connection, where its first session is opened. */
  note(endpoint: string, browser: any): void {
    const empty = contentOf(browser);
    if (empty === undefined) return;
    const connection: Connection = { endpoint, browser, empty, enter: AsyncLocalStorage.snapshot() };
    this.known.set(browser, connection);
    for (const name of ['dispatch', 'close']) {
      const method = browser._connection[name].bind(browser._connection);
      browser._connection[name] = (...args: unknown[]) => connection.enter(() => method(...args));
    }
  }

  /** Takes a connection back when nothing of its session is left in it. False when the caller has to close it. */
  give(browser: any): boolean {
    const connection = this.known.get(browser);
    if (!connection || !isEmpty(connection)) return false;
    this.idle.push(connection);
    this.expireLater();
    return true;
  }

  /** Closes what waits. */
  drop(): void {
    clearTimeout(this.expiry);
    this.idle.splice(0).forEach(close);
  }

  private expireLater(): void {
    clearTimeout(this.expiry);
    if (this.idle.length > 0) this.expiry = setTimeout(() => this.drop(), EXPIRY_MS).unref();
  }
}

/** Its end is the process' at the latest. */
const close = ({ browser }: Connection): void => void browser.close().catch(() => {});

const isEmpty = ({ browser, empty }: Connection): boolean =>
  browser.isConnected() && contentOf(browser) === empty;

/**
 * What a script can leave in a connection beside its contexts, told from what was there before: DevTools sessions, calls
 * that wait, listeners and members of the browser. Undefined for a driver that is built otherwise than the embedded one.
 */
function contentOf(browser: any): string | undefined {
  const { _objects: objects, _callbacks: calls, dispatch } = browser._connection ?? {};
  if (!(objects instanceof Map) || !(calls instanceof Map) || typeof dispatch !== 'function') {
    return undefined;
  }
  const listeners = browser.eventNames().map((name: string) => `${name} ${browser.listenerCount(name)}`);
  return JSON.stringify([objects.size, calls.size, Reflect.ownKeys(browser).map(String), listeners.sort()]);
}
