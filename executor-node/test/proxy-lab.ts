// A site and proxies that want a name and a word, as one program for tests of the whole: the word is the only line of
// standard input; standard output begins with a line that says where they are, and then tells what they were asked.
import process from 'node:process';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { startHttpProxy, startSocksProxy, type TestProxy } from './proxy-servers.ts';
import { startSite } from './site.ts';

const untilKilled = { after: () => {} } as unknown as TestContext;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function told(name: string, proxy: TestProxy): [string, number] {
  proxy.asked.push = (line) => {
    say(`${name} ${line}`);
    return 0;
  };
  return [name, proxy.port];
}

createInterface(process.stdin).once('line', async (word) => {
  const proxies: Record<string, Promise<TestProxy>> = {
    http1: startHttpProxy(untilKilled, undefined, word),
    http2: startHttpProxy(untilKilled, undefined, word),
    socks: startSocksProxy(untilKilled, word),
  };
  const ports = Object.entries(proxies).map(async ([name, proxy]) => told(name, await proxy));
  const site = await startSite(untilKilled);
  say(JSON.stringify({ site, ...Object.fromEntries(await Promise.all(ports)) }));
});
