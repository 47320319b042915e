import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { findChromium } from '../src/browser/chromium.ts';
import { temporaryFolder } from './support.ts';

/** A Chromium that nobody of ours started. Resolves to the address that Chromium prints when it listens. */
export async function startChromium(t: TestContext): Promise<{ endpoint: string; child: ChildProcess }> {
  const child = spawn(
    findChromium(),
    [
      '--headless',
      '--remote-debugging-port=0',
      `--user-data-dir=${temporaryFolder(t)}`,
      '--no-sandbox',
      '--disable-gpu',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], env: process.env },
  );
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  let told = '';
  for await (const bytes of child.stderr!) {
    told += bytes;
    const endpoint = /ws:\/\/\S+/.exec(told)?.[0];
    if (endpoint) return { endpoint, child };
  }
  throw new Error(`Chromium did not listen: ${told}`);
}
