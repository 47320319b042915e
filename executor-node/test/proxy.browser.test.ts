// Pages through real proxies, by real Chromium.
import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { driverModule } from '../src/browser/driver-location.ts';
import {
  closedPort,
  makeCertificate,
  startHttpProxy,
  startSilence,
  startSocksProxy,
  WORD,
} from './proxy-servers.ts';
import { startSite } from './site.ts';
import { type Ended, folderWith, outcomeOf, REQUEST, RunningExecutor, runScript } from './support.ts';

const VISIT = `
  export default async ({ page, job, emit }) => {
    const cdp = await page.createCDPSession();
    await cdp.send('Security.setIgnoreCertificateErrors', { ignore: true });
    for (const url of job.urls) {
      const response = await page.goto(url);
      await emit.item({ item_type: 'page', data: { status: response.status(), text: await page.evaluate('document.body.innerText') } });
    }
  };`;

const credentials = { username: 'user', password: WORD };

const visit = (
  t: TestContext,
  urls: string[],
  proxy: object,
  environment?: Record<string, string>,
): Promise<Ended> =>
  runScript(t, VISIT, { job: { urls }, proxy: { host: '127.0.0.1', ...proxy } }, environment);

const texts = ({ frames }: Ended): string[] =>
  frames.filter((frame) => frame.type === 'item').map((frame) => frame.payload.data.text);

/** Everything that the run said. */
const everything = ({ frames, stderr }: Ended): string => JSON.stringify(frames) + stderr;

async function startSecureSite(t: TestContext, certificate: { key: string; cert: string }): Promise<string> {
  const server = createServer(certificate, (_, response) => response.end('secret page'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close().closeAllConnections());
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}

test('http, https and socks5 with a name and a word: plain pages and TLS', async (t) => {
  const certificate = makeCertificate(t);
  const [site, secure] = await Promise.all([startSite(t), startSecureSite(t, certificate)]);
  const urls = [`${site}/next`, `${secure}/`];
  const [plainHost, secureHost] = [new URL(site).host, new URL(secure).host];
  for (
    const [protocol, server, asked] of [
      ['http', await startHttpProxy(t), [`GET ${site}/next`, `CONNECT ${secureHost}`]],
      ['https', await startHttpProxy(t, certificate), [`GET ${site}/next`, `CONNECT ${secureHost}`]],
      ['socks5', await startSocksProxy(t), [`CONNECT ${plainHost}`, `CONNECT ${secureHost}`]],
    ] as const
  ) {
    const ended = await visit(t, urls, { protocol, port: server.port, ...credentials }, {
      NODE_EXTRA_CA_CERTS: certificate.certFile,
    });
    assert.equal(ended.code, 0, `${protocol}: ${JSON.stringify(outcomeOf(ended.frames))}`);
    assert.deepEqual(texts(ended), ['Next', 'secret page'], protocol);
    for (const one of asked) assert.ok(server.asked.includes(one), `${protocol}: ${one} of ${server.asked}`);
    const { proxy_used } = ended.frames.at(-1) ?? {};
    assert.deepEqual(proxy_used, { protocol, host: '127.0.0.1', port: server.port, username: 'user' });
    assert.ok(!everything(ended).includes(WORD), protocol);
  }
});

test('a wrong word, a proxy that is not there, one that says nothing: the error names the proxy', async (t) => {
  const site = await startSite(t);
  const [http, socks] = [await startHttpProxy(t), await startSocksProxy(t)];
  const wrong = { username: 'user', password: 'canary-wrong' };
  const refused = /refuses the username and password/;
  const closed = await closedPort();
  const secure = `https://localhost:${closed}/`;
  const cases: [object, string, RegExp][] = [
    [{ protocol: 'http', port: http.port, ...wrong }, `${site}/`, refused],
    [{ protocol: 'http', port: http.port, ...wrong }, secure, refused],
    [{ protocol: 'socks5', port: socks.port, ...wrong }, `${site}/`, refused],
    [{ protocol: 'socks5', port: socks.port, ...wrong }, secure, refused],
    [{ protocol: 'socks5', port: socks.port, ...credentials }, secure, /localhost:\d+ and was refused by it/],
    [{ protocol: 'http', port: closed, ...wrong }, `${site}/`, /does not answer \(ECONNREFUSED\)/],
    [{ protocol: 'https', port: await startSilence(t), ...wrong }, secure, /cannot be used: /],
    [
      { protocol: 'socks5', port: await startSilence(t), ...wrong },
      secure,
      /ended the connection|cannot be used/,
    ],
    [{ protocol: 'http', port: closed }, `${site}/`, /does not answer/],
    [{ protocol: 'socks5', port: closed }, `${site}/`, /does not answer/],
  ];
  for (const [proxy, url, message] of cases) {
    const ended = await visit(t, [url], proxy);
    const { protocol, port, username } = proxy as Record<string, string>;
    const name = `the proxy ${protocol}://${username ? 'user@' : ''}127.0.0.1:${port} `;
    assert.equal(ended.code, 1, JSON.stringify(outcomeOf(ended.frames)));
    assert.ok(outcomeOf(ended.frames).message.startsWith(name), outcomeOf(ended.frames).message);
    assert.match(outcomeOf(ended.frames).message, message);
    assert.doesNotMatch(everything(ended), /canary/);
  }
  assert.deepEqual([...http.asked, ...socks.asked], [`CONNECT localhost:${closed}`]);
});

test('no process has the word on its command line or in its environment, Chromium included', async (t) => {
  const [site, proxy] = [await startSite(t), await startSocksProxy(t)];
  const ended = await runScript(
    t,
    `
    import { readdirSync, readFileSync } from 'node:fs';
    const read = (path) => { try { return readFileSync(path, 'utf8'); } catch { return ''; } };
    export default async ({ page, job, emit }) => {
      await page.goto(job.site + '/next');
      const processes = readdirSync('/proc').filter((name) => /^\\d+$/.test(name));
      const lines = processes.map((pid) => read('/proc/' + pid + '/cmdline'));
      const told = lines.concat(processes.map((pid) => read('/proc/' + pid + '/environ')));
      await emit.item({ item_type: 'x', data: {
        browsers: lines.filter((line) => line.includes('chromium') && line.includes('--type=')).length,
        told: told.filter((text) => text.includes('canary-' + 'pä55')).length,
      } });
    };`,
    { job: { site }, proxy: { protocol: 'socks5', host: '127.0.0.1', port: proxy.port, ...credentials } },
  );
  assert.equal(ended.code, 0, ended.stderr);
  const { browsers, told } = ended.frames[0].payload.data;
  assert.ok(browsers > 0, 'Chromium was among the processes that were looked at');
  assert.equal(told, 0);
});

/** Puppeteer's calls of the executor over the embedded driver, so that a real Chromium gets what they say. */
const puppeteerOver = (driver: string): string => `
  import { chromium } from ${JSON.stringify(pathToFileURL(driver).href)};
  const asContext = (context) => ({ newPage: async () => {
    const page = await context.newPage();
    return Object.assign(page, {
      setUserAgent: async () => {},
      evaluateOnNewDocument: (script) => page.addInitScript(script),
      authenticate: () => { throw new Error('nobody shall log in here'); },
    });
  }, close: () => context.close() });
  export default {
    launch: async ({ args, executablePath }) => {
      const browser = await chromium.launch({ args, executablePath });
      return {
        createBrowserContext: async ({ proxyServer, proxyBypassList }) => {
          if (String(proxyBypassList) !== '<-loopback>') throw new Error('loopback goes around the proxy');
          return asContext(await browser.newContext({ proxy: { server: proxyServer } }));
        },
        once: (event, listener) => browser.once(event, listener),
        version: async () => 'HeadlessChrome/' + browser.version(),
        close: () => browser.close(),
      };
    },
  };`;

test("the user's own puppeteer goes through the same proxies", async (t) => {
  const site = await startSite(t);
  const driver = driverModule();
  for (
    const [protocol, { port, asked }] of [
      ['http', await startHttpProxy(t)],
      ['socks5', await startSocksProxy(t)],
    ] as const
  ) {
    const folder = folderWith(t, {
      'node_modules/puppeteer-core/package.json':
        '{"name":"puppeteer-core","version":"1.0.0","type":"module","exports":"./index.js"}',
      'node_modules/puppeteer-core/index.js': puppeteerOver(driver),
      'script.ts': `export default async ({ page, job, emit }) => {
        await page.goto(job.site + '/next');
        await emit.item({ item_type: 'x', data: { text: await page.evaluate('document.body.innerText') } });
      };`,
    });
    const executor = new RunningExecutor(t, [join(folder, 'script.ts')]);
    const proxy = { protocol, host: '127.0.0.1', port, ...credentials };
    const ended = await executor.request({ ...REQUEST, job: { site }, proxy }).result();
    assert.equal(ended.code, 0, JSON.stringify(outcomeOf(ended.frames)));
    assert.deepEqual(texts(ended), ['Next']);
    assert.equal(asked.length > 0, true, protocol);
    assert.ok(!everything(ended).includes(WORD));
  }
});

test('a SOCKS5 proxy with a word and a browser elsewhere do not go together, and that is said', async (t) => {
  const proxy = { protocol: 'socks5', host: 'p.test', port: 1080, ...credentials };
  const endpoint = 'ws://browser.test:9222/devtools/browser/x';
  const ended = await runScript(t, 'export default () => {};', { proxy, browser_ws_endpoint: endpoint });
  assert.equal(ended.code, 2);
  assert.equal(outcomeOf(ended.frames).error_type, 'browser_error');
  assert.match(
    outcomeOf(ended.frames).message,
    /socks5:\/\/user@p\.test:1080 cannot be used with a browser on another/,
  );
  assert.ok(!everything(ended).includes(WORD));
});

const ownAddress = Object.values(networkInterfaces()).flatMap((one) => one ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

test('WebRTC does not go around the proxy', { skip: !ownAddress }, async (t) => {
  const server = createSocket('udp4');
  let packets = 0;
  server.on('message', () => packets += 1).bind(0, ownAddress);
  await once(server, 'listening');
  t.after(() => server.close());
  const ended = await runScript(
    t,
    `
    export default async ({ page, job, emit }) => {
      const candidates = await page.evaluate(async (urls) => {
        const connection = new RTCPeerConnection({ iceServers: [{ urls }] });
        const found = [];
        connection.onicecandidate = ({ candidate }) => candidate && found.push(candidate.candidate);
        const gathered = new Promise((resolve) => {
          connection.onicegatheringstatechange = () => connection.iceGatheringState === 'complete' && resolve();
        });
        connection.createDataChannel('x');
        await connection.setLocalDescription(await connection.createOffer());
        await gathered;
        return found;
      }, job.stun);
      await emit.item({ item_type: 'x', data: { candidates } });
    };`,
    {
      job: { stun: `stun:${ownAddress}:${server.address().port}` },
      proxy: { protocol: 'http', host: '127.0.0.1', port: 9 },
    },
  );
  assert.equal(ended.code, 0, JSON.stringify(outcomeOf(ended.frames)));
  assert.deepEqual(ended.frames[0].payload.data.candidates, []);
  assert.equal(packets, 0);
});
