import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const PREFIX = 'quarry-browser-';

/** Where folders are made, whatever a launch in progress says. */
const PARENT = tmpdir();
/** This process' own. */
const folders = new Set<string>();
/** Launches follow each other: each has the process' temporary folder to itself. */
let launching: Promise<unknown> = Promise.resolve();

/**
 * Calls `launch` while temporary files, the browser's profile among them, go to a folder of its own. The folder goes
 * with the browser, at the latest with this process; what a killed process left is removed by the next one.
 * @param end event of what `launch` resolves to, that tells of the browser's end
 */
export function withScratchFolder(launch: () => Promise<any>, end: string): Promise<any> {
  const launched = launching.then(() => launchInFolder(launch, end));
  launching = launched.catch(() => {});
  return launched;
}

async function launchInFolder(launch: () => Promise<any>, end: string): Promise<any> {
  const usual = process.env.TMPDIR;
  const folder = ownFolder();
  process.env.TMPDIR = folder;
  try {
    const browser = await launch();
    removeAtExit();
    browser.once(end, () => remove(folder));
    return browser;
  } finally {
    if (usual === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = usual;
  }
}

function ownFolder(): string {
  removeAtExit();
  try {
    removeLeftovers(PARENT);
    const folder = mkdtempSync(join(PARENT, `${PREFIX}${process.pid}-`));
    folders.add(folder);
    return folder;
  } catch (error) {
    throw new Error(
      `the temporary folder ${PARENT} cannot be used (${
        (error as Error).message
      }): set TMPDIR to one that can be written to`,
    );
  }
}

function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) remove(join(parent, name));
  }
}

/** Behind the driver's listener, which a launch puts there and which kills the browser: until then that writes on. */
function removeAtExit(): void {
  process.off('exit', removeAll).on('exit', removeAll);
}

/** What was just killed may write once more; it is gone within milliseconds, on a busy machine within a second. */
function removeAll(): void {
  folders.forEach((folder) => remove(folder, { maxRetries: 5, retryDelay: 100 }));
}

/** Best effort: a browser that is still ending may write once more, and other users' folders stay theirs. */
function remove(folder: string, retries?: { maxRetries: number; retryDelay: number }): void {
  try {
    rmSync(folder, { recursive: true, force: true, ...retries });
    folders.delete(folder);
  } catch {
    // The end of this process tries again, and the next process.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
