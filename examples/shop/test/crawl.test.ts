// Whole crawls of the shop with the built binary, real Redis, Node and Chromium, and processes that are killed on the way.
//
//   QUARRY=PATH node --test examples/shop/test/
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { expectedPages, makeCatalogue } from '../site/catalogue.ts';
import { checkCrawl } from '../site/check.ts';
import { Dataset } from '../site/dataset.ts';
import { ended, Fleet } from '../site/fleet.ts';
import { startShop } from '../site/server.ts';
import type { Shop } from '../site/server.ts';

const here = dirname(fileURLToPath(import.meta.url));
const quarry = resolve(process.env.QUARRY ?? '.build/release/quarry');
const catalogue = makeCatalogue(24);
const impatient =
  '--lease 4s --heartbeat 1s --retry-base 200ms --retry-cap 1s --block-base 200ms --crash-base 200ms'.split(
    ' ',
  );

function makeFleet(t: TestContext, scriptRoot: string): Fleet {
  const folder = mkdtempSync(join(tmpdir(), 'quarry-crawl-'));
  const fleet = new Fleet({ quarry, folder, name: `test-${process.pid}-${folder.slice(-6)}`, scriptRoot });
  t.after(async () => {
    await fleet.stop('SIGKILL');
    // Not yet in every declaration of node:test.
    if (!(t as TestContext & { passed: boolean }).passed) {
      for (const name of readdirSync(folder).filter((file) => file.endsWith('.log'))) {
        process.stderr.write(`--- ${name}\n${readFileSync(join(folder, name), 'utf8').slice(-6000)}\n`);
      }
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return fleet;
}

async function openShop(t: TestContext): Promise<Shop> {
  const shop = await startShop(catalogue, { slowMs: 500 });
  t.after(() => shop.server.close().closeAllConnections());
  return shop;
}

const crawlShop = (fleet: Fleet, shop: Shop): ChildProcess =>
  fleet.coordinator([
    ...'--script list.ts --source shop --depth 20 --max-runs 200 --allow-dead 1 --job'.split(' '),
    JSON.stringify({ url: `${shop.url}/` }),
    ...impatient,
  ]);

/** Resolves at the n-th request for a product page. */
const productPagesServed = (shop: Shop, count: number): Promise<void> =>
  new Promise((done) => {
    let served = 0;
    shop.server.on('request', (request) => {
      if (request.url?.startsWith('/product/') && ++served === count) done();
    });
  });

function assertExactlyTheShop(fleet: Fleet): void {
  const result = checkCrawl(fleet.data, catalogue);
  assert.deepEqual(result.problems, []);
  assert.ok(result.ok);
  const dataset = new Dataset(fleet.data);
  assert.equal(
    dataset.acceptedRuns().size,
    expectedPages(catalogue) - 1,
    'every task but the broken page is accepted',
  );
  const dead = [...dataset.records('source=_fleet')].filter((record) => record.kind === 'dead');
  assert.equal(dead.length, 1, 'the broken page alone is dead');
}

/** Processes whose command line or environment names the fleet's folder. */
function processesOf(fleet: Fleet): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      return pid !== process.pid &&
        readFileSync(`/proc/${pid}/environ`, 'utf8').includes(fleet.data.replace(/data$/, 'state'));
    } catch {
      return false;
    }
  });
}

async function until(what: string, condition: () => boolean, seconds: number): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, `not within ${seconds} s: ${what}`);
    await new Promise((resume) => setImmediate(resume));
  }
}

test('two workers crawl the shop and leave no process behind', { timeout: 180_000 }, async (t) => {
  const fleet = makeFleet(t, resolve(here, '..'));
  const shop = await openShop(t);
  const coordinator = crawlShop(fleet, shop);
  fleet.worker('worker-1');
  fleet.worker('worker-2');
  assert.equal(await ended(coordinator), 0);
  assertExactlyTheShop(fleet);
  await fleet.stop();
  await until('no process of the fleet is left', () => processesOf(fleet).length === 0, 15);
});

test('a worker killed in the middle of a crawl costs nothing', { timeout: 180_000 }, async (t) => {
  const fleet = makeFleet(t, resolve(here, '..'));
  const shop = await openShop(t);
  const coordinator = crawlShop(fleet, shop);
  const victim = fleet.worker('victim', ['--concurrency', '2']);
  await productPagesServed(shop, 4);
  victim.kill('SIGKILL');
  fleet.worker('survivor', ['--concurrency', '2']);
  assert.equal(await ended(coordinator), 0);
  assertExactlyTheShop(fleet);
});

test(
  'a stopped worker loses its executor before the task runs elsewhere',
  { timeout: 120_000 },
  async (t) => {
    const fleet = makeFleet(t, resolve(here, 'scripts'));
    const pidFile = join(fleet.data, '..', 'pid');
    const coordinator = fleet.coordinator([
      '--script',
      'pulse.ts',
      '--job',
      JSON.stringify({ pidFile, latest: join(fleet.data, 'datasets/quarry/latest') }),
      '--lease',
      '4s',
      '--heartbeat',
      '1s',
      '--retry-base',
      '200ms',
      '--crash-base',
      '200ms',
    ]);
    const started = new Promise<void>((done) => {
      const watcher = watch(join(fleet.data, '..'), () => {
        if (!existsSync(pidFile)) return;
        watcher.close();
        done();
      });
    });
    const stopped = fleet.worker('stopped');
    await started;
    stopped.kill('SIGSTOP');
    fleet.worker('other');
    assert.equal(await ended(coordinator), 0);
    const dataset = new Dataset(fleet.data);
    const items = [...dataset.records('event_type=item')].map((record) =>
      (record.payload as { data: unknown }).data
    );
    assert.deepEqual(items, [{ first_is_alive: false }]);
    assert.equal(dataset.acceptedRuns().size, 1);
  },
);
