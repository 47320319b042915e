import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ProxyEndpoint,
  type ProxyPool,
  redactProxyEndpoint,
  validateProxyEndpoint,
  validateProxyPool,
} from '../src/index.ts';

const endpoint: ProxyEndpoint = { protocol: 'http', host: 'p.test', port: 8080 };
const pool: ProxyPool = { name: 'p', strategy: 'round_robin', endpoints: [endpoint] };

test('endpoints', () => {
  assert.deepEqual(validateProxyEndpoint(endpoint), { valid: true, errors: [], warnings: [] });
  assert.equal(validateProxyEndpoint({ ...endpoint, username: 'u', password: 'w' }).valid, true);
  for (
    const wrong of [
      { protocol: 'ftp' },
      { host: '' },
      { host: 'http://h' },
      { host: 'u:word@h' },
      { host: 'h/path' },
      { host: 'a b' },
      { host: 'a\n' },
      { host: 5 },
      { port: 0 },
      { port: 65536 },
      { port: 1.5 },
      { username: 'u' },
      { password: 'word' },
      { username: '', password: '' },
      { username: 'u', password: 5 },
    ]
  ) {
    const { valid, errors } = validateProxyEndpoint({ ...endpoint, ...wrong } as unknown as ProxyEndpoint);
    assert.deepEqual([valid, errors.length], [false, 1]);
    assert.doesNotMatch(errors[0], /word@|: word/);
  }
  assert.deepEqual(validateProxyEndpoint({ ...endpoint, protocol: 'socks5' }).warnings, [
    'socks5 is best effort',
  ]);
  assert.equal(validateProxyEndpoint(null as never).valid, false);
  for (const host of ['10.0.0.1', '::1', 'a_b.test', 'über.test']) {
    assert.equal(validateProxyEndpoint({ ...endpoint, host }).valid, true);
  }
});

test('pools', () => {
  assert.deepEqual(validateProxyPool(pool), { valid: true, errors: [], warnings: [] });
  const wrong: [Partial<ProxyPool>, RegExp][] = [
    [{ name: '' }, /name/],
    [{ name: 'a b' }, /name/],
    [{ name: 'a'.repeat(129) }, /name/],
    [{ strategy: 'best' as never }, /strategy/],
    [{ endpoints: [] }, /at least one/],
    [{ endpoints: [{ ...endpoint, port: 0 }] }, /endpoints\[0\]: port/],
    [{ sticky: { scope: 'all' as never } }, /sticky\.scope/],
    [{ sticky: { scope: 'job', ttlMs: 0 } }, /sticky\.ttlMs/],
    [{ sticky: { scope: 'job', ttlMs: 1.5 } }, /sticky\.ttlMs/],
    [{ strategy: 'random', recencyWindow: 0 }, /recencyWindow/],
  ];
  for (const [change, message] of wrong) {
    assert.match(validateProxyPool({ ...pool, ...change }).errors.join(), message);
  }
  assert.match(validateProxyPool({ ...pool, recencyWindow: 3 }).warnings.join(), /no effect on round_robin/);
  assert.equal(validateProxyPool({ ...pool, endpoints: Array(51).fill(endpoint) }).warnings.length, 1);
  assert.equal(validateProxyPool({ ...pool, endpoints: Array(50).fill(endpoint) }).warnings.length, 0);
});

test('a redacted endpoint has no password', () => {
  assert.deepEqual(redactProxyEndpoint({ ...endpoint, username: 'u', password: 'w' }), {
    ...endpoint,
    username: 'u',
  });
  assert.deepEqual(redactProxyEndpoint(endpoint), endpoint);
});
