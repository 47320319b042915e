import type { Buffer } from 'node:buffer';
import {
  Agent,
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { SessionProxy } from '../session.ts';
import { ProxyFailure, toFailure } from './failure.ts';
import { isOwn } from './own-connections.ts';
import { openTunnel, requestTo } from './tunnel.ts';

/** Headers between two neighbours, which are not passed on. */
const HOP_BY_HOP = new Set(['proxy-connection', 'proxy-authorization', 'connection', 'keep-alive']);
const HEAD_LIMIT = 256 * 1024;

/**
 * A proxy on loopback that asks for no password and gives one to the proxy behind it: Chromium has no way to log in
 * to a SOCKS5 proxy, and shows a wrong password at an HTTP one as if it were the page. Only connections of this user
 * are served.
 */
export class Forwarder {
  private readonly proxy: SessionProxy;
  private readonly server: Server;
  private readonly agent: Agent;
  private readonly sockets = new Set<Socket>();
  private readonly failures = new Map<string, ProxyFailure>();

  private constructor(proxy: SessionProxy) {
    this.proxy = proxy;
    this.agent = agentFor(proxy);
    this.server = createServer({
      insecureHTTPParser: true,
      maxHeaderSize: HEAD_LIMIT,
      requireHostHeader: false,
    });
    this.server.requestTimeout = 0;
    this.server.on('connection', (socket: Socket) => this.admit(socket));
    this.server.on('request', (request, response) => this.pass(request, response));
    this.server.on('connect', (request, socket: Socket, head) => this.join(request, socket, head));
    // A connection that is half open has nothing more to say here.
    this.server.on('clientError', (_, socket) => socket.destroy());
  }

  static async start(proxy: SessionProxy): Promise<Forwarder> {
    const forwarder = new Forwarder(proxy);
    await new Promise<void>((resolve, reject) => {
      forwarder.server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return forwarder;
  }

  /** What the browser is told to use. */
  get address(): SessionProxy {
    return { protocol: 'http', host: '127.0.0.1', port: (this.server.address() as AddressInfo).port };
  }

  /** What went wrong at a host that the text names. */
  failureIn(text: string): ProxyFailure | undefined {
    for (const [host, failure] of this.failures) if (text.includes(host)) return failure;
  }

  /** Ends all connections. */
  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    this.agent.destroy();
  }

  private admit(socket: Socket): void {
    if (!isOwn(socket)) return void socket.destroy();
    this.track(socket);
  }

  private track(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => this.sockets.delete(socket));
  }

  /** A request over plain HTTP. What goes wrong breaks the connection: an answer would pass for the page. */
  private pass(request: IncomingMessage, response: ServerResponse): void {
    const url = URL.parse(request.url ?? '');
    if (!url) return void request.socket.destroy();
    const fail = (error: Error): void => {
      this.note(url.hostname, error);
      request.socket.destroy();
    };
    try {
      const onward = this.onward(request, url);
      onward.on('error', fail).on('response', (answer) => {
        if (answer.statusCode === 407) return fail(ProxyFailure.ofStatus(407, url.host));
        this.failures.delete(url.hostname);
        passBack(answer, response, fail);
      });
      response.on('close', () => onward.destroy());
      request.pipe(onward);
    } catch (error) {
      fail(error as Error);
    }
  }

  private onward(request: IncomingMessage, url: URL): ReturnType<typeof requestTo> {
    const headers = passedOn(request.rawHeaders);
    const options: RequestOptions = { method: request.method, agent: this.agent, maxHeaderSize: HEAD_LIMIT };
    if (this.proxy.protocol !== 'socks5') {
      return requestTo(this.proxy, { ...options, path: url.href }, headers);
    }
    return httpRequest({
      ...options,
      host: unbracketed(url.hostname),
      port: Number(url.port || 80),
      path: url.pathname + url.search,
      headers,
      insecureHTTPParser: true,
    } as RequestOptions);
  }

  /** A tunnel, as TLS and WebSockets ask for. */
  private async join(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const url = URL.parse(`http://${request.url}`);
    if (!url) return void socket.destroy();
    try {
      const tunnel = await openTunnel(this.proxy, unbracketed(url.hostname), Number(url.port || 80));
      this.failures.delete(url.hostname);
      this.track(tunnel);
      tunnel.on('close', () => socket.destroy());
      socket.on('close', () => tunnel.destroy());
      if (socket.destroyed) return void tunnel.destroy();
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (head.length > 0) tunnel.write(head);
      tunnel.pipe(socket).pipe(tunnel);
    } catch (error) {
      this.note(url.hostname, error as Error);
      socket.end('HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    }
  }

  private note(host: string, error: Error): void {
    if (this.failures.size < 1000) this.failures.set(host, toFailure(error));
  }
}

/** Connections to the proxy are kept for later requests; those through SOCKS5 each lead to one host. */
function agentFor(proxy: SessionProxy): Agent {
  if (proxy.protocol === 'https') return new SecureAgent({ keepAlive: true });
  const agent = new Agent({ keepAlive: true });
  if (proxy.protocol === 'socks5') {
    Object.assign(agent, {
      createConnection: (
        { host, port }: { host: string; port: number },
        done: (error: Error | null, socket?: Socket) => void,
      ) => {
        openTunnel(proxy, host, port).then((socket) => done(null, socket), done);
      },
    });
  }
  return agent;
}

const unbracketed = (host: string): string => host.replace(/^\[|\]$/g, '');

function passBack(answer: IncomingMessage, response: ServerResponse, fail: (error: Error) => void): void {
  answer.on('error', () => response.destroy());
  try {
    const { statusCode = 502, statusMessage, rawHeaders } = answer;
    response.writeHead(statusCode, statusMessage, passedOn(rawHeaders));
    answer.pipe(response);
  } catch (error) {
    // A head that could be read and cannot be written, such as one with control characters.
    fail(error as Error);
  }
}

/** Names and values in turn, as they came. */
function passedOn(raw: string[]): string[] {
  return raw.filter((_, index) => !HOP_BY_HOP.has(raw[index - index % 2].toLowerCase()));
}
