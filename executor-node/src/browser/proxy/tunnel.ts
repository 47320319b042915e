import { Buffer } from 'node:buffer';
import { type ClientRequest, request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { SessionProxy } from '../session.ts';
import { socksTunnel } from './socks5.ts';
import { ANSWER_TIMEOUT_MS, ProxyFailure, toFailure } from './failure.ts';

/** A connection to `host:port` that leads through the proxy. @throws ProxyFailure */
export function openTunnel(proxy: SessionProxy, host: string, port: number): Promise<Socket> {
  return proxy.protocol === 'socks5' ? socksTunnel(proxy, host, port) : connectTunnel(proxy, host, port);
}

/** A request to an HTTP or HTTPS proxy itself, with the name and password that it wants. */
export function requestTo(proxy: SessionProxy, options: RequestOptions, headers: string[]): ClientRequest {
  const { protocol, host, port } = proxy;
  const request = protocol === 'https' ? httpsRequest : httpRequest;
  return request({
    ...options,
    host,
    port,
    headers: [...headers, 'Proxy-Authorization', authorization(proxy)],
    insecureHTTPParser: true,
    // A name in the TLS greeting must not be an address.
    ...(protocol === 'https' && !isIP(host) && { servername: host }),
  } as unknown as RequestOptions);
}

export const authority = (host: string, port: number): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

function authorization({ username = '', password = '' }: SessionProxy): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function connectTunnel(proxy: SessionProxy, host: string, port: number): Promise<Socket> {
  const target = authority(host, port);
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const request = requestTo(proxy, { method: 'CONNECT', path: target, agent: false }, ['Host', target]);
  request.on('connect', (response, socket: Socket, head: Buffer) => {
    if (response.statusCode === 200) {
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    } else {
      socket.destroy();
      reject(ProxyFailure.ofStatus(response.statusCode ?? 0, target));
    }
  });
  request.on('error', (error) => reject(toFailure(error)));
  request.setTimeout(ANSWER_TIMEOUT_MS, () => request.destroy(ProxyFailure.late()));
  request.end();
  return promise;
}
