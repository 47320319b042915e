// Entry of bin/quarry-browser: one browser for many runs, until standard input ends, or with --shared until nobody used
// it for the idle time.
import process from 'node:process';
import { BrowserBroker } from './browser/broker.ts';
import { launchServer } from './browser/broker-launch.ts';
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

const tell = (answer: object): void => {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
};

const isShared = process.argv[2] === '--shared';

try {
  delete process.env.NODE_COMPILE_CACHE;
  let ending: Promise<void> | undefined;
  const end = (): Promise<void> =>
    ending ??= (async () => {
      // Whoever keeps this process would go on to hand out its address while the browser ends.
      tell({ ending: true });
      await broker.close().catch(note);
      process.exit(0);
    })();
  const broker = new BrowserBroker({
    idleMs: idleSeconds() * 1000,
    launch: launchServer,
    onError: note,
    onIdle: isShared ? end : undefined,
  });
  // Who started this process may be gone when it speaks.
  process.stdout.on('error', () => {});
  // A shared browser belongs to nobody's terminal.
  if (isShared) process.on('SIGHUP', () => {});
  else process.on('SIGHUP', end).stdin.on('end', end).on('error', end).resume();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  tell({ ws_endpoint: await broker.listen(), pid: process.pid });
} catch (thrown) {
  const error = toError(thrown);
  note(error);
  if (isShared) tell({ error: error.message });
  process.exitCode = 2;
}
