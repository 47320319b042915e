// Puppeteer's calls over the embedded driver's objects, against real Chromium.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test, type TestContext } from 'node:test';
import { type BrowserSession, openSession } from '../src/browser/session.ts';
import { temporaryFolder } from './support.ts';
import { startSite } from './site.ts';

let session: BrowserSession;
let site: string;
const cleanups: (() => void)[] = [];

before(async () => {
  site = await startSite({ after: (fn: () => void) => cleanups.push(fn) } as unknown as TestContext);
  session = await openSession({ script: '/none/script.ts', onDocument: () => {}, onLoss: () => {} });
});
after(async () => {
  await session.close();
  for (const cleanup of cleanups) cleanup();
});

let page: any;
beforeEach(async () => {
  await page?.close();
  page = await session.browser.newPage();
  await page.goto(`${site}/`);
});

test("a route of the driver's own kind gets facades, and is taken off by its function", async () => {
  const seen: string[] = [];
  const handler = (route: any): void => {
    seen.push(new URL(route.request().url()).pathname);
    route.continue();
  };
  await page.route('**/next', handler);
  await page.goto(`${site}/next`);
  await page.unroute('**/next', handler);
  await page.goto(`${site}/next`);
  assert.deepEqual(seen, ['/next']);
});

test('evaluate and its kin take any number of arguments, handles among them', async () => {
  assert.equal(await page.evaluate((a: number, b: number, c: number) => a + b + c, 1, 2, 3), 6);
  assert.equal(await page.evaluate('1 + 1'), 2);
  assert.equal(await page.evaluate((one: number[]) => one.length, [1, 2]), 2);
  const heading = await page.$('h1');
  assert.equal(
    await page.evaluate((node: Element, mark: string) => node.textContent + mark, heading, '!'),
    'Shop!',
  );
  assert.equal(
    await heading.evaluate((node: Element, a: string, b: string) => a + node.textContent + b, '<', '>'),
    '<Shop>',
  );
  assert.equal(
    await page.$eval('h1', (node: Element, a: string, b: string) => node.textContent + a + b, '1', '2'),
    'Shop12',
  );
  assert.deepEqual(
    await page.$$eval(
      'li',
      (nodes: Element[], a: string, b: string) => nodes.map((node) => a + node.textContent + b),
      '(',
      ')',
    ),
    ['(one)', '(two)'],
  );
  const object = {
    method(a: number, b: number): number {
      return a * b;
    },
    async later(a: number, b: number): Promise<number> {
      return await a - b;
    },
  };
  assert.equal(await page.evaluate(object.method, 6, 7), 42);
  assert.equal(await page.evaluate(object.later, 6, 7), -1);
  const handle = await page.evaluateHandle((a: number, b: number) => ({ sum: a + b }), 1, 2);
  assert.equal(await (await handle.getProperty('sum')).jsonValue(), 3);
});

test('queries: $, $$, $x, selectors of Puppeteer', async () => {
  assert.equal((await page.$$('li.p')).length, 2);
  assert.equal(await page.$('.none'), null);
  assert.equal((await page.$x('//li')).length, 2);
  const list = await page.$('ul');
  assert.equal((await list.$$('li')).length, 2);
  assert.equal((await list.$x('./li[2]')).length, 1);
  for (
    const selector of [
      'xpath///h1',
      '::-p-xpath(//h1)',
      'text/Shop',
      'h1::-p-text(Shop)',
      '::-p-text(Shop)',
      'body >>> h1',
      'pierce/h1',
    ]
  ) {
    assert.equal(await page.$eval(selector, (node: Element) => node.textContent), 'Shop', selector);
  }
  for (const selector of ['aria/Next page', 'aria/Next page[role="link"]', '::-p-aria(Next page)']) {
    assert.equal(await page.$eval(selector, (node: Element) => node.id), 'link', selector);
  }
});

test('waiting: selectors by presence, hidden, functions, network', async () => {
  assert.ok(await page.waitForSelector('#late'));
  assert.ok(await page.waitForSelector('#gone'), 'present, though not visible');
  assert.equal(await page.waitForSelector('#gone', { hidden: true }), null);
  await assert.rejects(
    page.waitForSelector('#gone', { visible: true, timeout: 50 }),
    (error: Error) => error.name === 'TimeoutError',
  );
  assert.ok(await page.waitForXPath('//h1'));
  await page.waitForFunction(
    (a: number, b: number) => a + b === 3,
    { polling: 'mutation', timeout: 1000 },
    1,
    2,
  );
  await page.waitForFunction('document.title === "T"');
  await page.waitForTimeout(1);
  await page.waitForNetworkIdle({ idleTime: 20 });
});

test('navigation: waitUntil in all forms, networkidle2 with a request that never ends', async () => {
  for (
    const waitUntil of ['load', 'domcontentloaded', 'networkidle0', 'networkidle2', ['load', 'networkidle2']]
  ) {
    assert.equal((await page.goto(`${site}/next`, { waitUntil })).status(), 200, String(waitUntil));
  }
  await page.goto(`${site}/polls`, { waitUntil: 'networkidle2', timeout: 5000 });
  assert.equal(await page.title(), 'fetched');
  await page.goto(`${site}/`);
  await Promise.all([page.waitForNavigation({ waitUntil: 'networkidle0' }), page.click('#link')]);
  assert.equal(page.url(), `${site}/next`);
  await page.goBack();
  await page.reload({ waitUntil: ['domcontentloaded'] });
  await page.setContent('<b>set</b>', { waitUntil: 'networkidle0' });
  assert.equal(await page.$eval('b', (node: Element) => node.textContent), 'set');
});

test('actions: a missing element fails at once', async (t) => {
  await page.click('button', { delay: 1, count: 1 });
  assert.equal(await page.title(), 'clicked');
  const began = performance.now();
  await assert.rejects(page.click('#none'), /No element found for selector: #none/);
  assert.ok(performance.now() - began < 5000);
  await page.type('#in', 'ab', { delay: 1 });
  await page.focus('#in');
  await page.keyboard.press('Backspace');
  await page.keyboard.sendCharacter('ž');
  assert.equal(await page.$eval('#in', (node: HTMLInputElement) => node.value), 'až');
  assert.deepEqual(await page.select('#sel', 'b'), ['b']);
  await page.hover('h1');
  await page.mouse.click(5, 5, { count: 2 });
  await page.mouse.wheel({ deltaY: 10 });
  const file = join(temporaryFolder(t), 'up.txt');
  writeFileSync(file, 'x');
  await (await page.$('#up')).uploadFile(file);
  assert.equal(await page.$eval('#up', (node: HTMLInputElement) => node.files?.[0].name), 'up.txt');
  const [chooser] = await Promise.all([page.waitForFileChooser(), page.click('#up')]);
  await chooser.accept([file]);
});

test('requests: interception, redirects, bodies', async () => {
  await page.setRequestInterception(true);
  const seen: string[] = [];
  page.on('request', (request: any) => {
    seen.push(request.resourceType());
    if (request.isInterceptResolutionHandled()) return;
    if (request.resourceType() === 'image') request.abort();
    else if (request.url().endsWith('/made')) {
      request.respond({ status: 201, headers: { 'x-n': 1 }, contentType: 'text/plain', body: 'made up' });
    } else request.continue();
  });
  const failed: string[] = [];
  page.on('requestfailed', (request: any) => failed.push(request.failure().errorText));
  await page.goto(`${site}/with-image`);
  assert.deepEqual([seen, failed.length], [['document', 'image'], 1]);
  const made = await page.goto(`${site}/made`);
  assert.deepEqual([made.status(), String(await made.buffer()), made.headers()['x-n']], [
    201,
    'made up',
    '1',
  ]);
  await page.setRequestInterception(false);
  page.removeAllListeners('request');
  const moved = await page.goto(`${site}/moved`);
  assert.deepEqual(moved.request().redirectChain().map((request: any) => new URL(request.url()).pathname), [
    '/moved',
  ]);
  assert.equal((await moved.remoteAddress()).ip, '127.0.0.1');
  await assert.rejects(moved.request().continue(), /Interception is not enabled/);
});

test('identity: user agent, viewport, cookies, authentication, scripts before the page', async () => {
  await page.setUserAgent('Shopper/1.0');
  assert.equal(await (await page.goto(`${site}/agent`)).text(), 'Shopper/1.0');
  await page.setViewport({ width: 400, height: 300, deviceScaleFactor: 2 });
  assert.deepEqual(await page.evaluate(() => [innerWidth, innerHeight, devicePixelRatio]), [400, 300, 2]);
  assert.deepEqual(page.viewport(), { width: 400, height: 300 });
  await page.setCookie({ name: 'a', value: '1' }, { name: 'b', value: '2', url: site });
  assert.equal(await (await page.goto(`${site}/cookies`)).text(), 'a=1; b=2');
  assert.deepEqual((await page.cookies()).map((cookie: any) => cookie.name), ['a', 'b']);
  await page.deleteCookie({ name: 'a' });
  assert.equal(await (await page.goto(`${site}/cookies`)).text(), 'b=2');
  await page.authenticate({ username: 'user', password: 'word' });
  assert.equal(await (await page.goto(`${site}/private`)).text(), 'let in');
  await page.evaluateOnNewDocument(
    (a: number, b: number) => Object.assign(globalThis, { early: a + b }),
    1,
    2,
  );
  await page.goto(`${site}/`);
  assert.equal(await page.evaluate('early'), 3);
  await page.setExtraHTTPHeaders({ 'x-a': 'b' });
  await page.emulateMediaType('print');
  await page.emulateTimezone('Asia/Tokyo');
  assert.equal(await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone), 'Asia/Tokyo');
  await page.setCacheEnabled(false);
});

test('events: listeners come and go, arguments are facades', async () => {
  const logs: string[] = [];
  const listener = (message: any): void => void logs.push(`${message.type()}:${message.text()}`);
  page.on('console', listener).once('dialog', (dialog: any) => dialog.accept('yes'));
  assert.equal(page.listenerCount('console'), 1);
  await page.evaluate(() => console.log('a'));
  assert.equal(await page.evaluate(() => prompt('?')), 'yes');
  page.off('console', listener);
  await page.evaluate(() => console.log('b'));
  assert.deepEqual(logs, ['log:a']);
  const bodies: Promise<string>[] = [];
  page.on('response', (response: any) => bodies.push(response.buffer().then(String)));
  await page.goto(`${site}/agent`);
  assert.match((await Promise.all(bodies))[0], /Mozilla|Shopper/);
  const [response] = await Promise.all([
    page.waitForResponse((one: any) => one.buffer && one.url().endsWith('/next')),
    page.goto(`${site}/next`),
  ]);
  assert.equal(response.status(), 200);
  page.removeAllListeners();
  assert.equal(page.listenerCount('response'), 0);
});

test('browser, contexts, targets, DevTools', async () => {
  const { browser, browserContext } = session;
  assert.match(await browser.version(), /^Chrome\/\d+/);
  assert.match(await browser.userAgent(), /^Mozilla.* Chrome\/\d+/);
  assert.equal(browser.connected, true);
  assert.equal(browser.isConnected(), true);
  assert.equal(page.browser(), browser);
  assert.equal(page.browserContext(), browserContext);
  const other = await browser.createBrowserContext();
  const created = new Promise<any>((resolve) => other.once('targetcreated', resolve));
  const foreign = await other.newPage();
  assert.equal(await (await created).page(), foreign);
  assert.ok((await browser.pages()).includes(foreign));
  await foreign.goto(`${site}/next`);
  const target = await browser.waitForTarget((one: any) => one.url().endsWith('/next'));
  assert.equal(target.type(), 'page');
  await other.close();
  const devtools = await page.createCDPSession();
  const { result } = await devtools.send('Runtime.evaluate', { expression: '6 * 7' });
  assert.equal(result.value, 42);
  assert.ok((await page.metrics()).JSHeapUsedSize > 0);
  const [popup] = await Promise.all([
    new Promise<any>((resolve) => page.once('popup', resolve)),
    page.evaluate((url: string) => void open(url), `${site}/next`),
  ]);
  assert.equal(popup.browser(), browser);
  await popup.close();
});

test('pictures, frames, and the real object', async () => {
  assert.match(await page.screenshot({ encoding: 'base64' }), /^iVBOR/);
  assert.ok((await page.screenshot({ fullPage: true })) instanceof Uint8Array);
  assert.ok((await (await page.$('h1')).screenshot({ encoding: 'base64' })).length > 10);
  assert.ok((await page.pdf()).length > 100);
  const heading = await page.$('h1');
  assert.equal(await heading.isIntersectingViewport(), true);
  assert.ok((await heading.boundingBox()).width > 0);
  assert.equal(
    await page.mainFrame().$eval(
      'h1',
      (node: Element, a: string, b: string) => node.textContent + a + b,
      '!',
      '?',
    ),
    'Shop!?',
  );
  assert.equal(await page.locator('h1').textContent(), 'Shop');
  assert.equal(page.playwright._type, 'Page');
  assert.ok(page.playwright !== page);
});

test('a browser that people use: no sign of automation', async () => {
  assert.equal(await page.evaluate(() => navigator.webdriver), false);
  assert.doesNotMatch(await page.evaluate(() => navigator.userAgent), /Headless/);
});
