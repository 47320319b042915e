// Real proxies on loopback, which want a name and a word and write down what they were asked for.
import { execFileSync } from 'node:child_process';
import type { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from './support.ts';

export interface TestProxy {
  port: number;
  /** `GET http://…` and `CONNECT host:port`, in the order they came; only what was let through. */
  asked: string[];
}

export const WORD = 'canary-pä55:word';

/** A key and a certificate for localhost and 127.0.0.1 that only a reader of `cert` trusts. */
export function makeCertificate(t: TestContext): { key: string; cert: string; certFile: string } {
  const folder = temporaryFolder(t);
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  execFileSync('openssl', [
    ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost'.split(
      ' ',
    ),
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', keyFile, '-out', certFile],
  ], { stdio: 'ignore' });
  return { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8'), certFile };
}

/** An HTTP proxy; with a certificate it is reached over TLS. */
export async function startHttpProxy(
  t: TestContext,
  certificate?: { key: string; cert: string },
  word = WORD,
): Promise<TestProxy> {
  const asked: string[] = [];
  const isAllowed = ({ headers }: IncomingMessage): boolean =>
    headers['proxy-authorization'] === `Basic ${btoaUtf8(`user:${word}`)}`;
  const pass = (request: IncomingMessage, response: ServerResponse): void => {
    if (!isAllowed(request)) {
      response.writeHead(407, { 'proxy-authenticate': 'Basic realm="p"' }).end('who are you?');
      return;
    }
    asked.push(`${request.method} ${request.url}`);
    const { 'proxy-authorization': _, ...headers } = request.headers;
    const onward = httpRequest(request.url ?? '', { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  };
  const server = certificate ? createSecureServer(certificate, pass) : createServer(pass);
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    if (!isAllowed(request)) {
      socket.end('HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm="p"\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    asked.push(`CONNECT ${request.url}`);
    const [host, port] = (request.url ?? '').split(':');
    joinSockets(socket, connect({ host, port: Number(port) }), 'HTTP/1.1 200 OK\r\n\r\n');
  });
  return { port: await listen(t, server), asked };
}

/** A SOCKS5 proxy (RFC 1928) with name and word (RFC 1929). */
export async function startSocksProxy(t: TestContext, wanted = WORD): Promise<TestProxy> {
  const asked: string[] = [];
  const server = createTcpServer(async (socket) => {
    const read = reader(socket);
    try {
      const [, methods] = await read(2);
      if (!(await read(methods)).includes(2)) return void socket.end(new Uint8Array([5, 0xff]));
      socket.write(new Uint8Array([5, 2]));
      const name = (await read((await read(2))[1])).toString();
      const word = (await read((await read(1))[0])).toString();
      if (name !== 'user' || word !== wanted) return void socket.end(new Uint8Array([1, 1]));
      socket.write(new Uint8Array([1, 0]));
      const kind = (await read(4))[3];
      const host = await hostOf(kind, read);
      const port = (await read(2)).readUInt16BE();
      asked.push(`CONNECT ${host}:${port}`);
      const onward = connect({ host, port });
      onward.once('error', () => socket.end(new Uint8Array([5, 5, 0, 1, 0, 0, 0, 0, 0, 0])));
      joinSockets(socket, onward, new Uint8Array([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
    } catch {
      socket.destroy();
    }
  });
  return { port: await listen(t, server), asked };
}

async function hostOf(kind: number, read: (count: number) => Promise<Buffer>): Promise<string> {
  if (kind === 1) return [...await read(4)].join('.');
  if (kind === 3) return (await read((await read(1))[0])).toString();
  return (await read(16)).toString('hex').replace(/(.{4})(?=.)/g, '$1:');
}

/** Something that takes connections and ends them. */
export const startSilence = (t: TestContext): Promise<number> =>
  listen(t, createTcpServer((socket) => socket.destroy()));

/** A port that nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function joinSockets(socket: Socket, onward: Socket, greeting: string | Uint8Array): void {
  onward.on('connect', () => {
    socket.write(greeting);
    socket.pipe(onward).pipe(socket);
  });
  onward.on('error', () => socket.destroy()).on('close', () => socket.destroy());
  socket.on('error', () => onward.destroy()).on('close', () => onward.destroy());
}

function reader(socket: Socket): (count: number) => Promise<Buffer> {
  return async (count) => {
    for (;;) {
      const bytes = socket.read(count);
      if (bytes) return bytes;
      await new Promise<void>((resolve, reject) => {
        socket.once('readable', resolve).once('close', () => reject(new Error('closed')));
      });
    }
  };
}

async function listen(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

const btoaUtf8 = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
