import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const PREFIX = 'quarry-browser-';

/**
 * Calls `launch` while temporary files, the browser's profile among them, go to a folder of this process' own. The
 * folder goes with the process; what a killed process left is removed by the next one.
 */
export async function withScratchFolder<T>(launch: () => Promise<T>): Promise<T> {
  const usual = process.env.TMPDIR;
  removeLeftovers(tmpdir());
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  process.on('exit', () => remove(folder));
  process.env.TMPDIR = folder;
  try {
    return await launch();
  } finally {
    if (usual === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = usual;
  }
}

function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) remove(join(parent, name));
  }
}

/** Best effort: a browser that is still ending may write once more, and other users' folders stay theirs. */
function remove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // The next process tries again.
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
