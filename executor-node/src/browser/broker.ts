import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A browser server that runs: whom it serves, how it is, and how it ends. */
export interface BrowserServer {
  /** Takes over a connection from its first byte; ends it with the browser. */
  serve(socket: Socket): void;
  /** False when the browser hangs. */
  answers(): Promise<boolean>;
  on(event: 'close', listener: (code: number | null, signal: string | null) => void): unknown;
  /** Ends the browser at once. */
  kill(): Promise<void>;
}

export interface BrokerOptions {
  /** Starts a browser server under the given path. */
  launch(wsPath: string): Promise<BrowserServer>;
  /** Ends a browser that nobody was connected to for so long, ms; the next connection starts another. */
  idleMs: number;
  /** Told when nobody was connected for `idleMs`, also when nobody ever was. */
  onIdle?(): void;
  /** Told when a browser could not be started, hung or ended by itself. */
  onError(error: Error): void;
}

const HEAD_LIMIT = 16 * 1024;
/** Whoever knows the secret says so at once. */
const HEAD_TIMEOUT_MS = 10_000;

/**
 * One address for browsers that come and go: a loopback port that starts a browser with its first connection, starts
 * another when that one died or hangs, and hands connections over to it. The path is a secret; a connection without it is
 * refused before any browser starts. Below it, `/use` answers and stays open, starting nothing: who holds such a
 * connection keeps the broker from idling.
 */
export class BrowserBroker {
  private readonly options: BrokerOptions;
  private readonly path = `/${randomBytes(24).toString('hex')}`;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly users = new Set<Socket>();
  private browser: Promise<BrowserServer> | undefined;
  private idle: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(options: BrokerOptions) {
    this.options = options;
    this.server = createServer({ noDelay: true }, (socket) => this.accept(socket));
  }

  /** Begins to listen. Resolves to the address for `browser_ws_endpoint`. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    this.startIdling();
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}${this.path}`;
  }

  /** Ends every connection and the browser. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.idle);
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await this.endBrowser();
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.left(socket));
    socket.setTimeout(HEAD_TIMEOUT_MS, () => socket.destroy());
    let head = '';
    const read = (bytes: Buffer): void => {
      head += bytes.toString('latin1');
      if (!head.includes('\r\n') && head.length < HEAD_LIMIT) return;
      socket.off('data', read).pause().setTimeout(0);
      this.serve(socket, head);
    };
    socket.on('data', read);
  }

  private serve(socket: Socket, head: string): void {
    const target = head.split(' ', 2).join(' ');
    const isUse = target === `GET ${this.path}/use`;
    if (!isUse && target !== `GET ${this.path}`) {
      socket.end(answer('404 Not Found'));
      return;
    }
    this.users.add(socket);
    clearTimeout(this.idle);
    if (isUse) socket.resume().write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    else this.handOver(socket, head);
  }

  private async handOver(socket: Socket, head: string): Promise<void> {
    try {
      const browser = await this.running();
      socket.unshift(Buffer.from(head, 'latin1'));
      gatherWrites(socket);
      browser.serve(socket);
      socket.resume();
    } catch (error) {
      this.options.onError(error as Error);
      socket.end(answer('503 Service Unavailable', (error as Error).message.split('\n')[0]));
    }
  }

  /** The browser that runs and answers, or a new one. */
  private async running(): Promise<BrowserServer> {
    const current = this.browser;
    if (!current) return await this.launch();
    const browser = await current;
    if (await browser.answers()) return browser;
    if (this.browser === current) {
      this.browser = undefined;
      this.options.onError(new Error('the browser did not answer and is replaced'));
      await browser.kill();
    }
    return await this.running();
  }

  private launch(): Promise<BrowserServer> {
    const starting = this.start();
    this.browser = starting;
    const forget = (): boolean => {
      const isCurrent = this.browser === starting;
      if (isCurrent) this.browser = undefined;
      return isCurrent;
    };
    starting.then((browser) =>
      browser.on('close', (code, signal) => {
        if (forget()) {
          this.options.onError(new Error(`the browser ended by itself: ${signal ?? `exit ${code}`}`));
        }
      }), forget);
    return starting;
  }

  private async start(): Promise<BrowserServer> {
    const browser = await this.options.launch(this.path);
    if (!this.closed) return browser;
    await browser.kill();
    throw new Error('the broker has ended');
  }

  private left(socket: Socket): void {
    this.sockets.delete(socket);
    if (this.users.delete(socket) && this.users.size === 0 && !this.closed) this.startIdling();
  }

  private startIdling(): void {
    clearTimeout(this.idle);
    this.idle = setTimeout(() => {
      this.endBrowser().catch((error) => this.options.onError(error));
      this.options.onIdle?.();
    }, this.options.idleMs);
  }

  private async endBrowser(): Promise<void> {
    const ending = this.browser;
    this.browser = undefined;
    const browser = await ending?.catch(() => undefined);
    await browser?.kill();
  }
}

/** What is written in one turn of the loop leaves at once: a page's load is told in dozens of small messages. */
function gatherWrites(socket: Socket): void {
  const write = socket.write.bind(socket) as (...given: unknown[]) => boolean;
  let isGathering = false;
  const flush = (): void => {
    isGathering = false;
    socket.uncork();
  };
  socket.write = (...given: unknown[]): boolean => {
    if (!isGathering) {
      isGathering = true;
      socket.cork();
      setImmediate(flush);
    }
    return write(...given);
  };
}

const answer = (status: string, body = ''): string =>
  `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${
    Buffer.byteLength(body)
  }\r\n\r\n${body}`;
