/** The first line of the executor's standard input: what to run. */
export interface RunRequest {
  run_id: string;
  attempt: number;
  job: Record<string, unknown>;
  /** Absolute path; only for an executor that serves many runs. */
  script?: string;
  job_id?: string;
  parent_run_id?: string;
  depth?: number;
  proxy?: RequestProxy;
  browser_ws_endpoint?: string;
  storage?: {
    dataset: string;
    source: string;
    category: string;
    day: string;
    run_id: string;
  };
}

export interface RequestProxy {
  protocol: 'http' | 'https' | 'socks5';
  host: string;
  port: number;
  username?: string;
  password?: string;
}

/** A request line that cannot be used; the message names the field. */
export class RequestError extends Error {
  override name = 'RequestError';
}

const PROTOCOLS = ['http', 'https', 'socks5'];

/** Reads the request; unknown fields are ignored, null stands for an absent one. @throws RequestError */
export function parseRequest(line: string): RunRequest {
  const request = parsed(line);
  const proxy = optional(request, 'proxy', asMap);
  const storage = optional(request, 'storage', asMap);
  return {
    run_id: asText(request.run_id, 'run_id'),
    attempt: asInteger(request.attempt, 'attempt', 1),
    job: asMap(request.job, 'job'),
    script: optional(request, 'script', asText),
    job_id: optional(request, 'job_id', asText),
    parent_run_id: optional(request, 'parent_run_id', asText),
    depth: optional(
      request,
      'depth',
      (value, name) => asInteger(value, name, 0),
    ),
    proxy: proxy && asProxy(proxy),
    browser_ws_endpoint: optional(request, 'browser_ws_endpoint', asEndpoint),
    storage: storage && asStorage(storage),
  };
}

function parsed(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new RequestError(
      `the request line is not JSON: ${(error as Error).message}`,
    );
  }
  return asMap(value, 'the request');
}

type Read<T> = (value: unknown, name: string) => T;

function optional<T>(
  from: Record<string, unknown>,
  name: string,
  read: Read<T>,
): T | undefined {
  return from[name] === undefined || from[name] === null ? undefined : read(from[name], name);
}

function asMap(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RequestError(`${name} must be an object`);
  }
  return value as Record<string, unknown>;
}

function asText(value: unknown, name: string): string {
  if (typeof value !== 'string' || value === '') {
    throw new RequestError(`${name} must be a string that is not empty`);
  }
  return value;
}

function asInteger(
  value: unknown,
  name: string,
  least: number,
  greatest = Number.MAX_SAFE_INTEGER,
): number {
  if (
    !Number.isSafeInteger(value) || (value as number) < least ||
    (value as number) > greatest
  ) {
    throw new RequestError(`${name} must be an integer from ${least}`);
  }
  return value as number;
}

function asEndpoint(value: unknown, name: string): string {
  const text = asText(value, name);
  if (!/^(wss?|https?):\/\//.test(text)) {
    throw new RequestError(`${name} must be a ws:// or wss:// address`);
  }
  return text;
}

function asProxy(proxy: Record<string, unknown>): RequestProxy {
  const protocol = asText(proxy.protocol, 'proxy.protocol');
  if (!PROTOCOLS.includes(protocol)) {
    throw new RequestError('proxy.protocol must be http, https or socks5');
  }
  const username = optional(
    proxy,
    'username',
    (value) => asText(value, 'proxy.username'),
  );
  const password = optional(
    proxy,
    'password',
    (value) => asText(value, 'proxy.password'),
  );
  if ((username === undefined) !== (password === undefined)) {
    throw new RequestError(
      'proxy.username and proxy.password must come both or not at all',
    );
  }
  return {
    protocol: protocol as RequestProxy['protocol'],
    host: asText(proxy.host, 'proxy.host'),
    port: asInteger(proxy.port, 'proxy.port', 1, 65535),
    username,
    password,
  };
}

function asStorage(storage: Record<string, unknown>): RunRequest['storage'] {
  const text = (name: string): string => asText(storage[name], `storage.${name}`);
  return {
    dataset: text('dataset'),
    source: text('source'),
    category: text('category'),
    day: text('day'),
    run_id: text('run_id'),
  };
}
