import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

type Environment = Record<string, string | undefined>;

/** The headless shell first: it opens pages several times faster than the whole browser. */
const KNOWN_PLACES = [
  '/usr/lib/chromium/chromium-headless-shell',
  '/usr/lib/chromium/chromium',
  '/opt/google/chrome/chrome',
];
const NAMES = [
  'chromium-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome-stable',
  'google-chrome',
];

/** How to start Chromium here, in words that both drivers know. */
export interface LaunchSettings {
  executablePath: string;
  args: string[];
  /** False where Chromium cannot make a sandbox: for root, and with `QUARRY_NO_SANDBOX=1`. */
  sandbox: boolean;
}

/** @throws when no Chromium is found, with what to do. */
export async function launchSettings(environment: Environment = process.env): Promise<LaunchSettings> {
  const executablePath = findChromium(environment);
  return {
    executablePath,
    args: await launchArguments(executablePath, environment),
    sandbox: sandboxed(environment),
  };
}

/** How long a launch may take, from the start of the program until it answers. */
export const LAUNCH_TIMEOUT_MS = 30_000;

/**
 * Starts Chromium with the embedded driver's words for how.
 * @throws when it has said nothing `timeout` milliseconds after its start, with its path and what to do
 */
export async function launchChromium<Browser>(
  launch: (options: object) => Promise<Browser>,
  timeout = LAUNCH_TIMEOUT_MS,
): Promise<Browser> {
  const { executablePath, args, sandbox } = await launchSettings();
  const options = {
    executablePath,
    args,
    chromiumSandbox: sandbox,
    headless: true,
    timeout,
    ...leavesSignals,
  };
  try {
    return await launch(options);
  } catch (error) {
    const { name, message } = error as Error;
    // What the driver says of a program that it has started.
    if (name !== 'TimeoutError' && !message.includes('<launching> ')) throw error;
    const what = name === 'TimeoutError'
      ? `was started and said nothing for ${timeout / 1000} s`
      : `did not start as a browser (${lastWords(message)})`;
    throw new Error(
      `${executablePath} ${what}: see whether it works when it is started by hand, or name another Chromium with ` +
        `QUARRY_CHROMIUM`,
    );
  }
}

/** Of the driver's account of a launch, which is long: what the program wrote last, and how it ended. */
function lastWords(account: string): string {
  const lines = account.split('\n');
  const written = lines.flatMap((line) => /\[err\] (.*\S)/.exec(line)?.[1] ?? []).slice(-2);
  const end = /<process did exit: (.*?)>/.exec(account)?.[1];
  const words = [...written, ...(end ? [end] : [])];
  return (words.length ? words.join('; ') : lines[0]).slice(0, 500);
}

/**
 * For both drivers' launches: a signal to this process is not the browser's affair. Otherwise the driver would keep the
 * process alive while it ends the browser, and the script would see that as a failure of its page.
 */
export const leavesSignals = { handleSIGHUP: false, handleSIGINT: false, handleSIGTERM: false };

/** WebRTC would tell a page the machine's own address beside that of its proxy; whoever shares the browser may have one. */
const NO_DIRECT_UDP = '--force-webrtc-ip-handling-policy=disable_non_proxied_udp';

/**
 * What a browser must be told when it starts: these reach its shared and service workers, and the requests that no page
 * makes. docs/guides/browsers.md lists what each hides.
 */
export async function launchArguments(
  executablePath: string,
  environment: Environment = process.env,
): Promise<string[]> {
  if (!isStealthy(environment)) return [NO_DIRECT_UDP];
  const version = await chromiumVersion(executablePath);
  const agent = version ? [`--user-agent=${plainUserAgent(version)}`] : [];
  return [
    NO_DIRECT_UDP,
    '--disable-blink-features=AutomationControlled',
    `--accept-lang=${LANGUAGES}`,
    ...agent,
  ];
}

/** Preferred languages, as `navigator.languages` and the header of requests tell them. */
export const LANGUAGES = 'en-US,en';

/** How long a program may take to say its version. */
export const VERSION_TIMEOUT_MS = 10_000;

const versions = new Map<string, Promise<string | undefined>>();

/** Asks the program itself, once; undefined when it does not say, as a wrapper script may not. */
function chromiumVersion(path: string): Promise<string | undefined> {
  const asked = versions.get(path) ??
    promisify(execFile)(path, ['--version'], { timeout: VERSION_TIMEOUT_MS })
      .then(({ stdout }) => /\d+(\.\d+){3}/.exec(stdout)?.[0], () => undefined);
  versions.set(path, asked);
  return asked;
}

export const sandboxed = (environment: Environment = process.env): boolean =>
  process.getuid?.() !== 0 && environment.QUARRY_NO_SANDBOX !== '1';

/** Path of the browser: `QUARRY_CHROMIUM`, else the first one found on this system. */
export function findChromium(environment: Environment = process.env): string {
  const given = environment.QUARRY_CHROMIUM;
  if (given) {
    if (isExecutable(given)) return given;
    throw new Error(`QUARRY_CHROMIUM is ${given}, and no program is there`);
  }
  const folders = (environment.PATH ?? '').split(':').filter(Boolean);
  const places = [...KNOWN_PLACES, ...NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))];
  const found = places.find(isExecutable);
  if (found) return found;
  throw new Error(
    'no Chromium is installed: install the package chromium-headless-shell, or set QUARRY_CHROMIUM to its path',
  );
}

/** Off with `QUARRY_STEALTH=0`. */
export const isStealthy = (environment: Environment = process.env): boolean =>
  environment.QUARRY_STEALTH !== '0';

/** What the browser calls itself when it does not say that nobody looks at it. @param version such as `156.0.8078.79` */
export const plainUserAgent = (version: string): string =>
  `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${
    version.split('.')[0]
  }.0.0.0 Safari/537.36`;

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
