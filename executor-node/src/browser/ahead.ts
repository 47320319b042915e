import { Connections } from './connections.ts';
import { type BrowserSession, loadDriver, type SessionOptions } from './session.ts';

type Listener = Pick<SessionOptions, 'onDocument' | 'onLoss'>;

/** A session that waits for its run. */
interface Prepared<Session> {
  isFor(options: SessionOptions, driver: unknown): boolean;
  /** Undefined when it could not be opened; then the run tries by itself and says why not. */
  session: Promise<Session | undefined>;
  /** Tells whose documents and whose loss they are from now on. */
  hand(listener: Listener): void;
  expiry: ReturnType<typeof setTimeout>;
}

/** A prepared session keeps the browser from idling, so it is closed when no run wants it for so long. */
const EXPIRY_MS = 10_000;

/**
 * Opens sessions, and while a run has one, the next: over another connection, so that a script sees nothing but its own
 * session. Connections are kept from run to run. Only for a browser that runs already; what a run starts by itself ends with it.
 */
export class SessionsAhead<Session extends BrowserSession> {
  private readonly openSession: (options: SessionOptions) => Promise<Session>;
  private next: Prepared<Session> | undefined;
  private lastKey: string | undefined;
  private readonly connections = new Connections();

  constructor(openSession: (options: SessionOptions) => Promise<Session>) {
    this.openSession = openSession;
  }

  /** @throws as `openSession`. */
  async open(options: SessionOptions): Promise<Session> {
    const driver = await loadDriver(options.script, options.resolveFrom);
    const session = await this.take(options, driver) ?? await this.openNew(options);
    const key = keyOf(options);
    // Where each run has a proxy of its own, what is prepared for this one's would not be the next one's.
    const isLikely = this.lastKey === undefined || this.lastKey === key;
    this.lastKey = key;
    if (session.isOfShared && isLikely) this.next = this.prepare(options, driver);
    return session;
  }

  /** Closes what waits. */
  drop(): void {
    this.connections.drop();
    this.dropNext().finally(() => this.connections.drop());
  }

  private async dropNext(): Promise<void> {
    const { next } = this;
    this.next = undefined;
    clearTimeout(next?.expiry);
    // One that cannot be closed is left to the process' end.
    await next?.session.then((session) => session?.close()).catch(() => {});
  }

  private openNew(options: SessionOptions): Promise<Session> {
    return this.openSession({ ...options, connections: this.connections });
  }

  private async take(options: SessionOptions, driver: unknown): Promise<Session | undefined> {
    const { next } = this;
    if (!next?.isFor(options, driver)) {
      this.dropNext();
      return undefined;
    }
    this.next = undefined;
    clearTimeout(next.expiry);
    const session = await next.session;
    if (!session || session.isLost() || session.page.isClosed()) {
      session?.close().catch(() => {});
      return undefined;
    }
    next.hand(options);
    return session;
  }

  private prepare(options: SessionOptions, driver: unknown): Prepared<Session> {
    let listener: Listener = { onDocument: () => {}, onLoss: () => {} };
    const session = this.openNew({
      ...options,
      onDocument: (note) => listener.onDocument(note),
      onLoss: (reason) => listener.onLoss(reason),
    }).catch(() => undefined);
    const expiry = setTimeout(() => this.drop(), EXPIRY_MS);
    expiry.unref();
    const key = keyOf(options);
    return {
      isFor: (wanted, wantedDriver) => wantedDriver === driver && keyOf(wanted) === key,
      session,
      hand: (to) => listener = to,
      expiry,
    };
  }
}

/** With one driver, sessions of the same key are alike. */
const keyOf = ({ endpoint, proxy }: SessionOptions): string => JSON.stringify([endpoint, proxy]);
