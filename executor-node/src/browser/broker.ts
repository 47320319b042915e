import { randomBytes } from 'node:crypto';
import { type AddressInfo, connect as connectTo, createServer, type Server, type Socket } from 'node:net';
import { Buffer } from 'node:buffer';

/** A browser server that runs: where it listens, and how it ends. */
export interface BrowserServer {
  /** `ws://127.0.0.1:PORT/SECRET` */
  wsEndpoint(): string;
  on(event: 'close', listener: () => void): unknown;
  /** Ends the browser at once. */
  kill(): Promise<void>;
}

export interface BrokerOptions {
  /** Starts a browser server under the given path. */
  launch(wsPath: string): Promise<BrowserServer>;
  /** Ends a browser that nobody was connected to for so long, ms; the next connection starts another. */
  idleMs: number;
  /** Told when a browser could not be started. */
  onError(error: Error): void;
}

const HEAD_LIMIT = 16 * 1024;

/**
 * One address for browsers that come and go: a loopback port that starts a browser with its first connection, starts
 * another when that one died, and passes bytes through. The path is a secret; a connection without it is refused
 * before any browser starts.
 */
export class BrowserBroker {
  private readonly options: BrokerOptions;
  private readonly path = `/${randomBytes(24).toString('hex')}`;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private browser: Promise<BrowserServer> | undefined;
  private idle: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(options: BrokerOptions) {
    this.options = options;
    this.server = createServer((socket) => this.accept(socket));
  }

  /** Begins to listen. Resolves to the address for `browser_ws_endpoint`. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
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
    clearTimeout(this.idle);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.left(socket));
    let head = '';
    const read = (bytes: Buffer): void => {
      head += bytes.toString('latin1');
      if (!head.includes('\r\n') && head.length < HEAD_LIMIT) return;
      socket.off('data', read).pause();
      if (head.startsWith(`GET ${this.path} `)) this.pass(socket, head);
      else socket.end(answer('404 Not Found'));
    };
    socket.on('data', read);
  }

  /** Joins a connection with the browser; when either side ends, so does the other. */
  private async pass(socket: Socket, head: string): Promise<void> {
    try {
      const { port } = new URL((await this.running()).wsEndpoint());
      const inner = connectTo({ port: Number(port), host: '127.0.0.1' });
      inner.on('error', () => socket.destroy()).on('close', () => socket.destroy());
      socket.on('close', () => inner.destroy());
      if (socket.destroyed) inner.destroy();
      inner.write(head, 'latin1');
      socket.pipe(inner).pipe(socket);
    } catch (error) {
      this.options.onError(error as Error);
      socket.end(answer('503 Service Unavailable', (error as Error).message.split('\n')[0]));
    }
  }

  private running(): Promise<BrowserServer> {
    if (this.browser) return this.browser;
    const starting = this.start();
    this.browser = starting;
    const forget = (): void => {
      if (this.browser === starting) this.browser = undefined;
    };
    starting.then((browser) => browser.on('close', forget), forget);
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
    if (this.sockets.size > 0 || this.closed) return;
    this.idle = setTimeout(() => this.endBrowser(), this.options.idleMs);
  }

  private async endBrowser(): Promise<void> {
    const browser = await this.browser?.catch(() => undefined);
    this.browser = undefined;
    await browser?.kill();
  }
}

const answer = (status: string, body = ''): string =>
  `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${
    Buffer.byteLength(body)
  }\r\n\r\n${body}`;
