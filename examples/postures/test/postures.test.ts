// One script in two postures, with the built binary and a real browser over the demo shop.
//
//   QUARRY=PATH node --test examples/postures/test/
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test, type TestContext } from 'node:test';
import { expectedProducts, makeCatalogue } from '../../shop/site/catalogue.ts';
import { startShop } from '../../shop/site/server.ts';
import { compare, DROPPABLE } from '../compare.ts';

const quarry = resolve(process.env.QUARRY ?? '.build/release/quarry');
const here = join(import.meta.dirname ?? '.', '..');
const catalogue = makeCatalogue(24);

interface Report {
  outcome: string;
  policy: { name: string; events_received: number; events_persisted: number; events_dropped: number };
  metrics: { dropped_by_type?: Record<string, number> };
}

interface Ended {
  report: Report;
  said: string;
}

/** Runs the survey over a shop of its own, so that pages that fail but once do so for each posture. */
async function survey(t: TestContext, posture: string, data: string): Promise<Ended> {
  const shop = await startShop(catalogue, { slowMs: 50 });
  t.after(() => shop.server.close().closeAllConnections());
  const reportFile = join(data, `${posture}.json`);
  const flags = [
    '--config',
    join(here, `${posture}.yaml`),
    '--storage-path',
    data,
    '--report',
    reportFile,
    '--no-browser-reuse',
  ];
  const job = JSON.stringify({ url: `${shop.url}/` });
  const said = await new Promise<string>((done, fail) =>
    execFile(
      quarry,
      ['run', '--script', join(here, 'survey.ts'), '--job', job, ...flags],
      (error, _, stderr) => error ? fail(new Error(`${posture}: ${stderr}`, { cause: error })) : done(stderr),
    )
  );
  return { report: JSON.parse(readFileSync(reportFile, 'utf8')), said };
}

test('the same script, the same events; only the policy differs, and loss is visible and only where it may be', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'quarry-postures-'));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const precise = await survey(t, 'precise', data);
  const quick = await survey(t, 'quick', data);
  const { counts, problems, artifacts, dropped } = compare(data);

  await t.test('both have said the same', () => {
    assert.deepEqual(problems, []);
    assert.equal(precise.report.policy.events_received, quick.report.policy.events_received);
    assert.deepEqual([precise.report.outcome, quick.report.outcome], ['success', 'success']);
    assert.deepEqual([precise.report.policy.name, quick.report.policy.name], ['strict', 'buffered']);
  });

  await t.test('what was found is there in both, to the last byte', () => {
    const products = expectedProducts(catalogue).length;
    // The shop's pages that fail at the first visit are left out: the survey does not try again.
    const failing = [...catalogue.trouble.values()].filter((trouble) => trouble.endsWith('-once')).length;
    assert.deepEqual(counts.get('item'), { precise: products - failing, quick: products - failing });
    for (const type of ['artifact', 'checkpoint', 'run_complete']) {
      assert.equal(counts.get(type)?.precise, counts.get(type)?.quick, type);
    }
    assert.equal(artifacts.precise.size, catalogue.categories.length);
    assert.deepEqual(artifacts.quick, artifacts.precise);
  });

  await t.test('the precise run has lost nothing', () => {
    const { events_received, events_persisted, events_dropped } = precise.report.policy;
    assert.deepEqual([events_persisted, events_dropped], [events_received, 0]);
  });

  await t.test('the quick run has lost some of what may be lost, and says exactly how much', () => {
    const missing = Object.fromEntries(
      [...counts].map(([type, { precise, quick }]) => [type, precise - quick]).filter(([, count]) => count),
    );
    assert.ok(Object.keys(missing).length > 0, 'there was pressure');
    for (const type of Object.keys(missing)) assert.ok(DROPPABLE.includes(type), type);
    assert.deepEqual(dropped, missing);
    assert.deepEqual(quick.report.metrics.dropped_by_type, missing);
    const total = Object.values(missing).reduce((sum, count) => Number(sum) + Number(count), 0);
    assert.equal(quick.report.policy.events_dropped, total);
    assert.match(quick.said, /dropped/);
  });
});
