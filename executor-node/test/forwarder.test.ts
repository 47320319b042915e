// The forwarder without a browser: what it passes on, and what it outlives.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type RequestOptions } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { Forwarder } from '../src/browser/proxy/forwarder.ts';
import { startHttpProxy, startSocksProxy, WORD } from './proxy-servers.ts';
import { startSite } from './site.ts';

async function forwarderTo(t: TestContext, protocol: string, port: number): Promise<Forwarder> {
  const proxy = { protocol, host: '127.0.0.1', port, username: 'user', password: WORD };
  const forwarder = await Forwarder.start(proxy);
  t.after(() => forwarder.close());
  return forwarder;
}

/** Status and body of an absolute-form request, or the code of the error. */
async function get(forwarder: Forwarder, url: string, options: RequestOptions = {}): Promise<unknown[]> {
  const { host, port } = forwarder.address;
  const asked = request({
    host,
    port,
    path: url,
    ...options,
    headers: { ...options.headers, host: new URL(url).host },
  });
  asked.end();
  try {
    const [response] = await once(asked, 'response');
    return [response.statusCode, await text(response)];
  } catch (error) {
    return [(error as NodeJS.ErrnoException).code];
  }
}

async function listening(t: TestContext, host: string, onSocket: (socket: Socket) => void): Promise<number> {
  const server = createTcpServer((socket) => onSocket(socket.on('error', () => {})));
  server.listen(0, host);
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test('headers pass as they came, those between neighbours do not, and a proxy of SOCKS5 is asked for the host', async (t) => {
  const seen: string[][] = [];
  const server = createServer((incoming, response) => {
    seen.push(incoming.rawHeaders);
    response.setHeader('Set-Cookie', ['a=1', 'b=2']).end(incoming.url);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a%20b?q=%C3%A4`;
  for (
    const [protocol, { port }] of [['http', await startHttpProxy(t)], [
      'socks5',
      await startSocksProxy(t),
    ]] as const
  ) {
    const forwarder = await forwarderTo(t, protocol, port);
    const headers = { 'X-Odd-Case': 'yes', 'Proxy-Connection': 'keep-alive' };
    assert.deepEqual(await get(forwarder, url, { headers }), [200, '/a%20b?q=%C3%A4'], protocol);
    assert.deepEqual((await get(forwarder, url, { headers }))[0], 200, 'a connection is used again');
  }
  for (const headers of seen) {
    const names = headers.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
    assert.ok(names.includes('x-odd-case') && !names.some((name) => name.startsWith('proxy-')), `${names}`);
  }
});

test('an answer that cannot be passed on breaks the connection and nothing else', async (t) => {
  const answers = [
    'HTTP/1.1 200 \x01\r\nContent-Length: 2\r\n\r\nno',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes',
    'no HTTP',
  ];
  const port = await listening(
    t,
    '127.0.0.1',
    (socket) => socket.once('data', () => socket.end(answers.shift() ?? '')),
  );
  const forwarder = await forwarderTo(t, 'http', port);
  assert.deepEqual(await get(forwarder, 'http://shop.test/'), ['ECONNRESET']);
  assert.deepEqual(await get(forwarder, 'http://shop.test/'), [200, 'yes']);
  assert.deepEqual(await get(forwarder, 'http://shop.test/'), ['ECONNRESET']);
  assert.match(forwarder.failureIn('at http://shop.test/')?.message ?? '', /cannot be used: /);
  assert.equal(forwarder.failureIn('at http://other.test/'), undefined);
  assert.deepEqual(await get(forwarder, 'http://shop.test/', { method: 'BREW' }), ['ECONNRESET']);
});

const hasIPv6 = networkInterfaces().lo?.some(({ family }) => family === 'IPv6') ?? false;

test('tunnels to names and to IPv6 addresses', { skip: !hasIPv6 }, async (t) => {
  const site = new URL(await startSite(t));
  const six = await listening(t, '::1', (socket) => socket.end('six'));
  const { port, asked } = await startSocksProxy(t);
  const { address } = await forwarderTo(t, 'socks5', port);
  for (const [target, answer] of [[`[::1]:${six}`, 'six'], [`localhost:${site.port}`, '']]) {
    const socket = connect(address.port, address.host);
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    const [head] = await once(socket, 'data');
    assert.match(String(head), /^HTTP\/1\.1 200 /);
    if (answer) assert.equal(String(head).split('\r\n\r\n')[1] || await text(socket), answer);
    socket.destroy();
  }
  assert.deepEqual(asked, [
    `CONNECT 0000:0000:0000:0000:0000:0000:0000:0001:${six}`,
    `CONNECT localhost:${site.port}`,
  ]);
});

test('a client that leaves early takes its tunnel along', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const target = await listening(t, '127.0.0.1', (socket) => socket.resume().on('close', resolve));
  const { port } = await startHttpProxy(t);
  const { address } = await forwarderTo(t, 'http', port);
  const socket = connect(address.port, address.host);
  socket.write(`CONNECT 127.0.0.1:${target} HTTP/1.1\r\n\r\n`);
  await once(socket, 'data');
  socket.destroy();
  await promise;
});
