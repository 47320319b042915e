/** One proxy; `username` and `password` come both or not at all. */
export interface ProxyEndpoint {
  protocol: 'http' | 'https' | 'socks5';
  host: string;
  /** 1–65535. */
  port: number;
  username?: string;
  password?: string;
}

export type ProxyStrategy = 'round_robin' | 'random' | 'sticky';

export interface ProxySticky {
  scope: 'job' | 'domain' | 'origin';
  /** Milliseconds that a choice holds; without it, for ever. */
  ttlMs?: number;
}

export interface ProxyPool {
  name: string;
  strategy: ProxyStrategy;
  endpoints: ProxyEndpoint[];
  sticky?: ProxySticky;
  /** `random` alone: never one of the last so many choices. */
  recencyWindow?: number;
}

/** What a job asks for in its member `proxy`; one spelling of the key is enough. */
export type JobProxyRequest =
  & { pool: string; strategy?: ProxyStrategy }
  & ({ stickyKey?: string; sticky_key?: never } | { sticky_key?: string; stickyKey?: never });

/** `valid` is true when there are no `errors`; `warnings` never make it false. */
export interface ProxyValidation {
  valid: boolean;
  errors: string[];
  warnings: string[];
}

const PROTOCOLS = ['http', 'https', 'socks5'];
const STRATEGIES = ['round_robin', 'random', 'sticky'];
const SCOPES = ['job', 'domain', 'origin'];
const MANY_ENDPOINTS = 50;

/** Messages never hold a password. */
export function validateProxyEndpoint(
  endpoint: ProxyEndpoint,
): ProxyValidation {
  const errors: string[] = [];
  const warnings: string[] = [];
  const { protocol, host, port, username, password } = (endpoint ?? {}) as ProxyEndpoint;
  if (!PROTOCOLS.includes(protocol)) {
    errors.push(`protocol must be http, https or socks5, not '${protocol}'`);
  }
  // deno-lint-ignore no-control-regex
  if (typeof host !== 'string' || !/^[^\u0000-\u0020/@?#]+$/.test(host)) {
    errors.push('host must be the name or address of a machine and nothing more');
  }
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    errors.push(`port must be from 1 to 65535, not ${port}`);
  }
  if (!areCredentials(username, password)) {
    errors.push('username and password must be strings that are not empty, and come both or not at all');
  }
  if (protocol === 'socks5') warnings.push('socks5 is best effort');
  return { valid: errors.length === 0, errors, warnings };
}

const areCredentials = (username: unknown, password: unknown): boolean =>
  username === undefined && password === undefined ||
  [username, password].every((value) => typeof value === 'string' && value !== '');

export function validateProxyPool(pool: ProxyPool): ProxyValidation {
  const errors: string[] = [];
  const warnings: string[] = [];
  const { name, strategy, endpoints, sticky, recencyWindow } = (pool ?? {}) as ProxyPool;
  if (typeof name !== 'string' || !/^[\w.-]{1,128}$/.test(name)) {
    errors.push('name must be 1 to 128 of the characters A-Z a-z 0-9 . _ -');
  }
  if (!STRATEGIES.includes(strategy)) {
    errors.push(
      `strategy must be round_robin, random or sticky, not '${strategy}'`,
    );
  }
  if (!Array.isArray(endpoints) || endpoints.length === 0) {
    errors.push('endpoints must hold at least one endpoint');
  }
  for (
    const [index, endpoint] of (Array.isArray(endpoints) ? endpoints : [])
      .entries()
  ) {
    const checked = validateProxyEndpoint(endpoint);
    errors.push(
      ...checked.errors.map((text) => `endpoints[${index}]: ${text}`),
    );
    warnings.push(
      ...checked.warnings.map((text) => `endpoints[${index}]: ${text}`),
    );
  }
  errors.push(...stickyErrors(sticky));
  if (recencyWindow !== undefined) {
    if (!Number.isInteger(recencyWindow) || recencyWindow < 1) {
      errors.push('recencyWindow must be a positive integer');
    }
    if (strategy !== 'random') {
      warnings.push(`recencyWindow has no effect on ${strategy}`);
    }
  }
  if (strategy === 'round_robin' && endpoints?.length > MANY_ENDPOINTS) {
    warnings.push(
      `a round_robin pool of ${endpoints.length} endpoints is slow to come round`,
    );
  }
  return { valid: errors.length === 0, errors, warnings };
}

function stickyErrors(sticky: ProxySticky | undefined): string[] {
  if (sticky === undefined) return [];
  const errors: string[] = [];
  if (!SCOPES.includes(sticky.scope)) {
    errors.push(
      `sticky.scope must be job, domain or origin, not '${sticky.scope}'`,
    );
  }
  const { ttlMs } = sticky;
  if (ttlMs !== undefined && !(Number.isInteger(ttlMs) && ttlMs > 0)) {
    errors.push('sticky.ttlMs must be a positive integer');
  }
  return errors;
}

/** The endpoint without its password. */
export function redactProxyEndpoint(
  endpoint: ProxyEndpoint,
): Omit<ProxyEndpoint, 'password'> {
  const { protocol, host, port, username } = endpoint;
  return username === undefined ? { protocol, host, port } : { protocol, host, port, username };
}
