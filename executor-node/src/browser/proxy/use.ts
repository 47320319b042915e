import { isDevTools } from '../endpoint.ts';
import type { SessionProxy } from '../session.ts';
import { Forwarder } from './forwarder.ts';

/** How one run goes through its proxy. */
export interface ProxyUse {
  /** What the browser is told; undefined for none. */
  proxy: SessionProxy | undefined;
  /** A browser's error with what the proxy has to do with it. */
  explain(message: string): string;
  close(): void;
}

/** Chromium's words for failures of a proxy, and ours. */
const CHROMIUM_ERRORS: [RegExp, string][] = [
  [/ERR_PROXY_CONNECTION_FAILED/, 'does not answer'],
  [/ERR_TUNNEL_CONNECTION_FAILED/, 'does not connect to that host'],
  [/ERR_SOCKS_CONNECTION/, 'does not connect to that host'],
  [/ERR_PROXY_CERTIFICATE_INVALID/, 'has a certificate that is not trusted'],
  [/ERR_(\w*PROXY_AUTH\w*|INVALID_AUTH_CREDENTIALS)/, 'refuses the username and password, or wants some'],
  [/ERR_\w*PROXY\w*/, 'cannot be used'],
];

const DIRECT: ProxyUse = { proxy: undefined, explain: (message) => message, close: () => {} };

/**
 * Makes a proxy usable for a browser, which may need a forwarder for the time of the run.
 * @param endpoint address of a browser that runs already.
 * @throws when that browser cannot be given the proxy.
 */
export async function useProxy(proxy: SessionProxy | undefined, endpoint?: string): Promise<ProxyUse> {
  if (!proxy) return DIRECT;
  const name = proxyName(proxy);
  const forwarder = needsForwarder(proxy, endpoint) ? await Forwarder.start(proxy) : undefined;
  return {
    proxy: forwarder?.address ?? proxy,
    explain: (message) => {
      if (!message.includes('net::ERR_')) return message;
      const reason = forwarder?.failureIn(message)?.message ??
        CHROMIUM_ERRORS.find(([pattern]) => pattern.test(message))?.[1];
      return reason ? `the proxy ${name} ${reason}: ${message}` : message;
    },
    close: () => forwarder?.close(),
  };
}

/** A proxy without its password, as the runtime names it too. */
export function proxyName({ protocol, host, port, username }: SessionProxy): string {
  return proxyAddress({ protocol, host, port }, username);
}

/** As Chromium takes it. */
export function proxyAddress({ protocol, host, port }: SessionProxy, username?: string): string {
  const user = username === undefined ? '' : `${username}@`;
  return `${protocol}://${user}${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * Chromium logs in to HTTP proxies itself when its driver tells it how; where the browser is ours the forwarder does
 * it better, and where it is SOCKS5 nothing else does it.
 */
function needsForwarder(proxy: SessionProxy, endpoint: string | undefined): boolean {
  if (proxy.username === undefined) return false;
  if (endpoint === undefined || !isDevTools(endpoint)) return true;
  if (proxy.protocol !== 'socks5') return false;
  if (isLoopback(endpoint)) return true;
  throw new Error(
    `the proxy ${proxyName(proxy)} cannot be used with a browser on another machine: ` +
      'Chromium does not log in to SOCKS5 proxies; use one without a password, or an http or https proxy',
  );
}

const isLoopback = (endpoint: string): boolean =>
  /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(endpoint).hostname);
