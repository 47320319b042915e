// What a page can see of the browser, for each browser that is installed.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { brandList } from '../src/browser/stealth.ts';
import { runScript } from './support.ts';

const BROWSERS = {
  'headless shell': '/usr/lib/chromium/chromium-headless-shell',
  'whole Chromium': process.env.QUARRY_TEST_CHROMIUM ?? '/usr/lib/chromium/chromium',
};

/** What a worker says of its browser. */
const WORKER = `const tell = async (port) => port.postMessage({
  agent: navigator.userAgent, languages: navigator.languages,
  brands: navigator.userAgentData.brands.map(({ brand }) => brand),
  full: (await navigator.userAgentData.getHighEntropyValues(['fullVersionList'])).fullVersionList.map(({ version }) => version),
});
if (self.registration) self.onmessage = ({ source }) => tell(source);
else if ('onconnect' in self) self.onconnect = ({ ports }) => tell(ports[0]);
else tell(self);`;

interface Seen {
  path: string;
  agent: string;
  brands: string;
  languages: string;
}

/** A site that writes down who asks, with another origin in a frame. */
async function startWitness(t: TestContext): Promise<{ url: string; other: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const { headers } = request;
    const note = (name: string): string => String(headers[name] ?? '');
    seen.push({
      path,
      agent: note('user-agent'),
      brands: note('sec-ch-ua'),
      languages: note('accept-language'),
    });
    response.setHeader('content-type', path.endsWith('.js') ? 'text/javascript' : 'text/html');
    if (path.endsWith('.js')) response.end(WORKER);
    else response.end('<title>w</title><iframe src="/frame"></iframe>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, other: `http://localhost:${port}/other`, seen };
}

/** Asks a page for everything that gives a browser without a user away. */
const LOOK = `export default async ({ page, job, emit }) => {
  await page.goto(job.url);
  const data = await page.evaluate(async (other) => {
    const message = (target, port = target) => new Promise((resolve) => { port.onmessage = ({ data }) => resolve(data); });
    const facts = (scope) => ({
      webdriver: scope.navigator.webdriver, agent: scope.navigator.userAgent, languages: scope.navigator.languages,
      plugins: Array.from(scope.navigator.plugins, ({ name }) => name), mimes: scope.navigator.mimeTypes.length,
      pdf: scope.navigator.pdfViewerEnabled, chrome: scope.chrome && Object.keys(scope.chrome),
      brands: scope.navigator.userAgentData.brands.map(({ brand }) => brand),
    });
    const shape = (value) => Object.prototype.toString.call(value);
    const frame = document.querySelector('iframe');
    const fresh = document.body.appendChild(document.createElement('iframe'));
    const elsewhere = document.body.appendChild(document.createElement('iframe'));
    elsewhere.src = other;
    await new Promise((resolve) => elsewhere.onload = resolve);
    const shared = new SharedWorker('/shared.js');
    await navigator.serviceWorker.register('/service.js');
    const { active } = await navigator.serviceWorker.ready;
    const fromService = message(navigator.serviceWorker);
    active.postMessage(1);
    const { fullVersionList, architecture } = await navigator.userAgentData.getHighEntropyValues(['fullVersionList', 'architecture']);
    return {
      page: facts(window), frame: facts(frame.contentWindow), fresh: facts(fresh.contentWindow),
      full: fullVersionList.map(({ version }) => version), architecture,
      own: Object.getOwnPropertyNames(navigator),
      notification: Notification.permission, permission: (await navigator.permissions.query({ name: 'notifications' })).state,
      outer: [outerWidth - innerWidth, outerHeight - innerHeight, screen.width > outerWidth, screen.height > outerHeight],
      rtt: navigator.connection.rtt > 0,
      shapes: [shape(navigator.plugins), shape(navigator.plugins[0]), shape(navigator.mimeTypes[0])],
      instances: [navigator.plugins instanceof PluginArray, navigator.plugins[0] instanceof Plugin],
      lookups: [navigator.plugins.item(0) === navigator.plugins[0], navigator.plugins.namedItem('PDF Viewer') === navigator.plugins['PDF Viewer'], navigator.mimeTypes['application/pdf'].enabledPlugin.name],
      natives: [Object.getOwnPropertyDescriptor(Navigator.prototype, 'plugins').get, Object.getOwnPropertyDescriptor(Notification, 'permission').get, chrome.csi, chrome.loadTimes].map((one) => Function.prototype.toString.call(one)),
      traces: Object.getOwnPropertyNames(window).filter((name) => /playwright|pptr|cdc_|__/i.test(name)),
      dedicated: await message(new Worker('/dedicated.js')), shared: await message(shared, shared.port), service: await fromService,
    };
  }, job.other);
  const inside = page.frames().find((frame) => frame.url() === job.other);
  data.other = await inside.evaluate(() => [navigator.webdriver, navigator.userAgent, navigator.userAgentData.brands.map(({ brand }) => brand), navigator.plugins.length]);
  const [opened] = await Promise.all([new Promise((resolve) => page.once('popup', resolve)), page.evaluate(() => { window.open('/popup'); })]);
  await opened.waitForFunction(() => document.title === 'w');
  data.popup = await opened.evaluate(() => [navigator.webdriver, navigator.userAgentData.brands.map(({ brand }) => brand), navigator.plugins.length]);
  await emit.item({ item_type: 'facts', data });
};`;

const PLUGINS = [
  'PDF Viewer',
  'Chrome PDF Viewer',
  'Chromium PDF Viewer',
  'Microsoft Edge PDF Viewer',
  'WebKit built-in PDF',
];

for (const [name, path] of Object.entries(BROWSERS)) {
  const skip = !existsSync(path) && `${path} is not installed`;

  test(`${name}: nothing says that nobody looks`, { skip }, async (t) => {
    const { url, other, seen } = await startWitness(t);
    const { code, frames, stderr } = await runScript(t, LOOK, { job: { url, other } }, {
      QUARRY_CHROMIUM: path,
    });
    assert.equal(code, 0, stderr);
    const facts = frames[0].payload.data;
    const { agent } = facts.page;
    assert.match(
      agent,
      /^Mozilla\/5\.0 \(X11; Linux x86_64\) AppleWebKit\/537\.36 \(KHTML, like Gecko\) Chrome\/\d+\.0\.0\.0 Safari\/537\.36$/,
    );
    for (const scope of [facts.page, facts.frame, facts.fresh]) {
      assert.deepEqual(scope, {
        webdriver: false,
        agent,
        languages: ['en-US', 'en'],
        plugins: PLUGINS,
        mimes: 2,
        pdf: true,
        chrome: ['loadTimes', 'csi', 'app'],
        brands: facts.page.brands,
      });
    }
    assert.deepEqual(facts.other.slice(0, 2), [false, agent]);
    assert.equal(facts.other[3], 5);
    const clean = [facts.page.brands, facts.other[2], facts.popup[1], facts.dedicated.brands];
    for (const brands of clean) assert.deepEqual(brands, facts.page.brands);
    assert.ok(facts.page.brands.includes('Chromium') && !facts.page.brands.includes('HeadlessChrome'));
    assert.ok(facts.full.every((version: string) => /^\d+(\.\d+){3}$/.test(version)), String(facts.full));
    assert.deepEqual(facts.dedicated.full, facts.full);
    assert.ok(facts.architecture);
    assert.deepEqual([facts.popup[0], facts.popup[2]], [false, 5]);
    assert.deepEqual(facts.own, []);
    assert.deepEqual([facts.notification, facts.permission], ['default', 'prompt']);
    assert.deepEqual(facts.outer, [8, 85, true, true]);
    assert.ok(facts.rtt);
    assert.deepEqual(facts.shapes, ['[object PluginArray]', '[object Plugin]', '[object MimeType]']);
    assert.deepEqual(facts.instances, [true, true]);
    assert.deepEqual(facts.lookups, [true, true, 'PDF Viewer']);
    for (const text of facts.natives) assert.match(text, /^function [\w ]*\(\) \{ \[native code\] \}$/);
    assert.deepEqual(facts.traces, []);
    for (const worker of [facts.dedicated, facts.shared, facts.service]) assert.equal(worker.agent, agent);
    for (const { path, agent: told, languages } of seen) {
      assert.equal(told, agent, path);
      assert.match(languages, /^en-US,en/, path);
    }
    for (const path of ['/', '/frame']) {
      assert.match(seen.find((one) => one.path === path)?.brands ?? '', /^(?!.*Headless).*"Chromium"/, path);
    }
  });

  test(`${name}: QUARRY_STEALTH=0 leaves it as it is`, { skip }, async (t) => {
    const { url } = await startWitness(t);
    const script = `export default async ({ page, job, emit }) => {
      await page.goto(job.url);
      await emit.item({ item_type: 'x', data: await page.evaluate(() => ({ driven: navigator.webdriver, agent: navigator.userAgent })) });
    };`;
    const environment = { QUARRY_CHROMIUM: path, QUARRY_STEALTH: '0' };
    const { code, frames, stderr } = await runScript(t, script, { job: { url } }, environment);
    assert.equal(code, 0, stderr);
    assert.equal(frames[0].payload.data.driven, true);
    assert.match(frames[0].payload.data.agent, /HeadlessChrome/);
  });
}

test('the brand that nobody shall rely on is made up as Chromium does', () => {
  const names = (version: string): string[] =>
    brandList(version).map(({ brand, version }) => `${brand} ${version}`);
  assert.deepEqual(names('156.0.8078.108'), ['Not:A-Brand 8.0.0.0', 'Chromium 156.0.8078.108']);
  assert.deepEqual(names('131.0.6778.204'), ['Chromium 131.0.6778.204', 'Not_A Brand 24.0.0.0']);
});
