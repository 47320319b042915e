import { Buffer } from 'node:buffer';
import { connect, isIPv4, isIPv6, type Socket } from 'node:net';
import type { SessionProxy } from '../session.ts';
import { ANSWER_TIMEOUT_MS, ProxyFailure, toFailure } from './failure.ts';

const VERSION = 5;
const PASSWORD_METHOD = 2;
const ADDRESS = { ipv4: 1, name: 3, ipv6: 4 };
/** Of answers, after the four bytes that begin them: the bound address (a name brings its own length) and port. */
const REASONS = [
  '',
  'has failed',
  'does not allow it',
  'does not reach its network',
  'does not reach it',
  'was refused by it',
  'gave up waiting for it',
  'does not know how to connect',
  'does not know this kind of address',
];

/** A connection to `host:port` through a SOCKS5 proxy (RFC 1928, RFC 1929); names are resolved there. @throws ProxyFailure */
export async function socksTunnel(proxy: SessionProxy, host: string, port: number): Promise<Socket> {
  const socket = connect({ host: proxy.host, port: proxy.port });
  // Between two answers nobody waits; what breaks then is seen by the next wait.
  socket.on('error', () => {});
  socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(ProxyFailure.late()));
  try {
    await logIn(socket, proxy);
    await askFor(socket, host, port);
    return socket.setTimeout(0);
  } catch (error) {
    socket.destroy();
    throw toFailure(error as Error);
  }
}

async function logIn(socket: Socket, { username = '', password = '' }: SessionProxy): Promise<void> {
  socket.write(Buffer.from([VERSION, 1, PASSWORD_METHOD]));
  const [version, method] = await take(socket, 2);
  if (version !== VERSION) throw new ProxyFailure('does not speak SOCKS5');
  if (method !== PASSWORD_METHOD) throw new ProxyFailure('takes no username and password');
  socket.write(Buffer.concat([Buffer.from([1]), counted(username), counted(password)]));
  const [, status] = await take(socket, 2);
  if (status !== 0) throw ProxyFailure.refusesCredentials('SOCKS5');
}

async function askFor(socket: Socket, host: string, port: number): Promise<void> {
  const connectTo = Buffer.from([VERSION, 1, 0]);
  socket.write(Buffer.concat([connectTo, address(host), Buffer.from([port >> 8, port & 255])]));
  const [, status, , kind] = await take(socket, 4);
  if (status !== 0) {
    throw new ProxyFailure(`was asked for ${host}:${port} and ${REASONS[status] ?? `says ${status}`}`);
  }
  const bound = kind === ADDRESS.ipv4 ? 4 : kind === ADDRESS.ipv6 ? 16 : (await take(socket, 1))[0];
  await take(socket, bound + 2);
}

function counted(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > 255) {
    throw new ProxyFailure('cannot be used: SOCKS5 has room for 255 bytes of a name or password');
  }
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function address(host: string): Buffer {
  if (isIPv4(host)) return Buffer.from([ADDRESS.ipv4, ...host.split('.').map(Number)]);
  if (isIPv6(host)) return Buffer.concat([Buffer.from([ADDRESS.ipv6]), ipv6Bytes(host)]);
  return Buffer.concat([Buffer.from([ADDRESS.name]), counted(host)]);
}

/** The sixteen bytes of an address, which the URL parser writes in its shortest form. */
function ipv6Bytes(host: string): Buffer {
  const [front, back] = new URL(`http://[${host}]`).hostname.slice(1, -1).split('::').map((part) =>
    part === '' ? [] : part.split(':')
  );
  const groups = back === undefined
    ? front
    : [...front, ...Array(8 - front.length - back.length).fill('0'), ...back];
  return Buffer.from(groups.flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  }));
}

/** The next bytes that the proxy sends; later ones stay in the socket. */
async function take(socket: Socket, count: number): Promise<Buffer> {
  for (;;) {
    const bytes: Buffer | null = socket.read(count);
    if (bytes?.length === count) return bytes;
    await more(socket);
  }
}

function more(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (socket.destroyed) reject(socket.errored ?? new ProxyFailure('ended the connection'));
  const ended = (): void => reject(new ProxyFailure('ended the connection'));
  socket.once('readable', resolve).once('end', ended).once('close', ended).once('error', reject);
  return promise.finally(() =>
    socket.off('readable', resolve).off('end', ended).off('close', ended).off('error', reject)
  );
}
