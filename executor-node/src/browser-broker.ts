// Entry of bin/quarry-browser: one browser for many runs, until standard input ends.
import process from 'node:process';
import { BrowserBroker } from './browser/broker.ts';
import { launchSettings } from './browser/chromium.ts';
import { embeddedChromium } from './browser/driver.ts';
import { withScratchFolder } from './browser/scratch.ts';
import { toError } from './errors.ts';

const DEFAULT_IDLE_S = 60;

function idleSeconds(): number {
  const given = Number(process.env.QUARRY_BROWSER_IDLE_TIMEOUT ?? DEFAULT_IDLE_S);
  if (Number.isFinite(given) && given > 0) return given;
  throw new Error('QUARRY_BROWSER_IDLE_TIMEOUT must be a number of seconds above 0');
}

const note = (error: Error): void => {
  process.stderr.write(`quarry-browser: ${error.message}\n`);
};

const broker = (idleMs: number): BrowserBroker =>
  new BrowserBroker({
    idleMs,
    onError: note,
    launch: async (wsPath) => {
      const { executablePath, args, sandbox } = await launchSettings();
      const chromium = await embeddedChromium();
      return await withScratchFolder(() =>
        chromium.launchServer({
          executablePath,
          args,
          wsPath,
          chromiumSandbox: sandbox,
          headless: true,
          host: '127.0.0.1',
          handleSIGHUP: false,
          handleSIGINT: false,
          handleSIGTERM: false,
        })
      );
    },
  });

try {
  delete process.env.NODE_COMPILE_CACHE;
  const shared = broker(idleSeconds() * 1000);
  const end = async (): Promise<void> => {
    await shared.close().catch(note);
    process.exit(0);
  };
  process.stdin.on('end', end).on('error', end).resume();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  process.stdout.write(`${JSON.stringify({ ws_endpoint: await shared.listen() })}\n`);
} catch (thrown) {
  note(toError(thrown));
  process.exitCode = 2;
}
