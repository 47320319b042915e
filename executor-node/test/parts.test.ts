import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { isAd } from '../src/browser/ads.ts';
import { findChromium, plainUserAgent } from '../src/browser/chromium.ts';
import { driverSelector } from '../src/browser/facade/selectors.ts';
import { documentNote, retryAfterMs } from '../src/browser/page-facts.ts';
import { isOwn } from '../src/browser/proxy/own-connections.ts';
import { HostNotes } from '../src/run/hosts.ts';
import { cgroupMemory } from '../src/run/memory-sources.ts';
import { VERSION } from '../../sdk/src/index.ts';
import { folderWith } from './support.ts';

test('one version', () => {
  const root = join(import.meta.dirname ?? '.', '../..');
  assert.equal(readFileSync(join(root, 'VERSION'), 'utf8').trim(), VERSION);
  for (const part of ['sdk', 'executor-node']) {
    assert.equal(JSON.parse(readFileSync(join(root, part, 'package.json'), 'utf8')).version, VERSION);
  }
});

test('Retry-After in seconds, as a date, and neither', () => {
  const now = Date.parse('2026-11-24T08:00:00Z');
  assert.equal(retryAfterMs('7', now), 7000);
  assert.equal(retryAfterMs('Tue, 24 Nov 2026 08:00:30 GMT', now), 30_000);
  assert.equal(retryAfterMs('Tue, 24 Nov 2026 07:00:00 GMT', now), 0);
  assert.equal(retryAfterMs('soon', now), undefined);
  assert.equal(retryAfterMs(undefined, now), undefined);
  assert.equal(documentNote('data:text/html,x', 200, {}), undefined);
  assert.deepEqual(documentNote('https://a.test:8443/x', 503, { 'retry-after': '1' }, 12.4), {
    host: 'a.test:8443',
    status: 503,
    retry_after_ms: 1000,
    ms: 12,
  });
});

test('only the newest notes about hosts are kept', () => {
  const notes = new HostNotes();
  assert.equal(notes.list(), undefined);
  for (let n = 0; n < 300; n++) notes.add({ host: String(n) });
  assert.deepEqual([notes.list()?.length, notes.list()?.[0].host], [256, '44']);
});

test('memory of control groups: version 2 first, its parents, then version 1, then nothing', async (t) => {
  const v2 = folderWith(t, {
    'proc/self/cgroup': '5:cpu,memory:/old\n0::/a/b\n',
    'sys/fs/cgroup/a/b/memory.max': 'max\n',
    'sys/fs/cgroup/a/b/memory.current': '5\n',
    'sys/fs/cgroup/a/memory.max': '100\n',
    'sys/fs/cgroup/a/memory.current': '20\n',
  });
  assert.deepEqual(await cgroupMemory(v2), { used: 20, limit: 100 });
  const v1 = folderWith(t, {
    'proc/self/cgroup': '5:cpu,memory:/old\n',
    'sys/fs/cgroup/memory/old/memory.limit_in_bytes': '50\n',
    'sys/fs/cgroup/memory/old/memory.usage_in_bytes': '10\n',
  });
  assert.deepEqual(await cgroupMemory(v1), { used: 10, limit: 50 });
  const unlimited = folderWith(t, {
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
    'sys/fs/cgroup/memory/memory.usage_in_bytes': '10',
  });
  assert.equal(await cgroupMemory(unlimited), null);
});

test('which Chromium', (t) => {
  const folder = folderWith(t, { chromium: '' });
  assert.throws(
    () => findChromium({ QUARRY_CHROMIUM: join(folder, 'chromium') }),
    /QUARRY_CHROMIUM is .*chromium, and no program is there/,
  );
  assert.equal(findChromium({ QUARRY_CHROMIUM: process.execPath }), process.execPath);
  assert.match(plainUserAgent('156.0.8078.79'), /Chrome\/156\.0\.0\.0 Safari/);
});

test('selectors of Puppeteer', () => {
  for (
    const [given, taken] of [
      ['h1 > a', 'h1 > a'],
      ['text=Foo', 'text=Foo'],
      ['xpath///a', 'xpath=//a'],
      ['div ::-p-text("x y")', 'div >> text=x y'],
      ['a >>>> b', 'a b'],
      ['aria/Go[role="button"]', 'role=button[name="Go"]'],
      ['aria/[role="link"]', 'role=link'],
    ]
  ) assert.equal(driverSelector(given), taken);
});

test('advertising hosts', () => {
  assert.deepEqual(
    [
      'https://ads.doubleclick.net/x',
      'http://criteo.com:80/',
      'https://notcriteo.com/',
      'https://shop.test/?u=criteo.com/',
    ].map(isAd),
    [true, true, false, false],
  );
});

test('a loopback connection of this user is told from those of others', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const socket = await accepted;
  t.after(() => [client, socket, server.close()].forEach((one) => 'destroy' in one && one.destroy()));
  assert.equal(isOwn(socket), true);
  const folder = folderWith(t, {});
  const table = join(folder, 'tcp');
  const another = readFileSync('/proc/net/tcp', 'latin1').trim().split('\n').map((line) =>
    line.trim().split(/\s+/).with(7, `${Number(process.getuid?.()) + 1}`).join(' ')
  );
  writeFileSync(table, another.join('\n'));
  assert.equal(isOwn(socket, table), false);
  writeFileSync(table, '');
  assert.equal(isOwn(socket, table), false);
});
