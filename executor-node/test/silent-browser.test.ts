// A program that is started as a browser and is none.
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { launchChromium } from '../src/browser/chromium.ts';
import { embeddedChromium } from '../src/browser/driver.ts';
import { folderWith } from './support.ts';

for (const way of ['launch', 'launchServer']) {
  test(`${way}: a browser that says nothing is waited for as long as any, and named`, async (t) => {
    // It takes longer to say its version than the launch may, which is no part of the launch.
    const folder = folderWith(t, {
      silent: `#!/bin/sh\n[ "$1" = --version ] && sleep 2.5 && exit\nexec sleep 600\n`,
    });
    const path = join(folder, 'silent');
    chmodSync(path, 0o755);
    process.env.QUARRY_CHROMIUM = path;
    t.after(() => delete process.env.QUARRY_CHROMIUM);
    const chromium = await embeddedChromium();
    const told: number[] = [];
    const launch = (options: any): Promise<unknown> => {
      told.push(options.timeout);
      return chromium[way](options);
    };
    await assert.rejects(launchChromium(launch, 2000), {
      message:
        `${path} was started and said nothing for 2 s: see whether it works when it is started by hand, ` +
        'or name another Chromium with QUARRY_CHROMIUM',
    });
    assert.deepEqual(told, [2000]);
    await assert.rejects(
      launchChromium(() => Promise.reject(new Error('no such library'))),
      /^Error: no such library$/,
    );
  });

  test(`${way}: a program that is no browser is named with its last words`, async (t) => {
    const folder = folderWith(t, { words: '#!/bin/sh\necho first >&2\necho no display >&2\nexit 3\n' });
    const path = join(folder, 'words');
    chmodSync(path, 0o755);
    process.env.QUARRY_CHROMIUM = path;
    t.after(() => delete process.env.QUARRY_CHROMIUM);
    const chromium = await embeddedChromium();
    await assert.rejects(launchChromium((options) => chromium[way](options)), (error: Error) => {
      assert.ok(error.message.startsWith(`${path} did not start as a browser (`), error.message);
      assert.match(error.message, /no display.*exitCode=3/);
      assert.match(error.message, /QUARRY_CHROMIUM$/);
      assert.ok(!error.message.includes('\n'));
      return true;
    });
  });
}
