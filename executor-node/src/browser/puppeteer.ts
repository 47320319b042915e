// Stands in for `import 'puppeteer'` in scripts whose author did not install it: the embedded driver under
// Puppeteer's names.
import process from 'node:process';
import { findChromium, LAUNCH_TIMEOUT_MS, launchSettings, leavesSignals } from './chromium.ts';
import { embeddedChromium } from './driver.ts';
import { connectEmbedded, runContextOptions } from './embedded.ts';
import { Facade } from './facade/facade.ts';
import { disguise } from './stealth.ts';

interface Launch {
  args?: string[];
  executablePath?: string;
  env?: Record<string, string | undefined>;
  timeout?: number;
  slowMo?: number;
}

interface Connect {
  browserWSEndpoint?: string;
  browserURL?: string;
}

/** Starts a browser of the script's own; it ends with the run. */
export async function launch(
  { args = [], executablePath, env, timeout = LAUNCH_TIMEOUT_MS, slowMo }: Launch = {},
): Promise<any> {
  const settings = await launchSettings(
    executablePath ? { ...process.env, QUARRY_CHROMIUM: executablePath } : process.env,
  );
  const browser = await (await embeddedChromium()).launch({
    executablePath: settings.executablePath,
    args: [...settings.args, ...args],
    chromiumSandbox: settings.sandbox && !args.includes('--no-sandbox'),
    env,
    timeout,
    slowMo,
    ...leavesSignals,
  });
  return await wrapped(browser);
}

export async function connect({ browserWSEndpoint, browserURL }: Connect): Promise<any> {
  const endpoint = browserWSEndpoint ?? browserURL;
  if (!endpoint) throw new Error('connect needs browserWSEndpoint or browserURL');
  return await wrapped(await connectEmbedded(await embeddedChromium(), endpoint), endpoint);
}

export const executablePath = (): string => findChromium();

async function wrapped(browser: any, endpoint?: string): Promise<any> {
  const contextOptions = await runContextOptions(browser);
  const context = browser.contexts()[0] ?? await browser.newContext(contextOptions);
  await disguise(context);
  return new Facade({ context, contextOptions, endpoint }).wrap(browser);
}

/** What waits without success throws; the driver's own class has this name too. */
export class TimeoutError extends Error {
  override name = 'TimeoutError';

  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && value.name === 'TimeoutError';
  }
}

export default { launch, connect, executablePath, TimeoutError };
