// Run by the test of the lease: the first run of the task writes its process id and then stays; a later run says
// whether that process was still alive when it began. The id comes when the first run's event is in the dataset: a worker
// that is stopped in the middle of a commit holds the lock that all others wait for.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { QuarryContext } from '../../../../sdk/src/index.ts';

export const config = { browser: false };

export default async function pulse(
  { job, emit }: QuarryContext<{ pidFile: string; latest: string }>,
): Promise<void> {
  if (!existsSync(job.pidFile)) {
    const before = readFileSync(job.latest, 'utf8');
    await emit.info('first run', { pid: process.pid });
    while (readFileSync(job.latest, 'utf8') === before) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    writeFileSync(`${job.pidFile}.new`, String(process.pid));
    renameSync(`${job.pidFile}.new`, job.pidFile);
    await new Promise(() => setInterval(() => {}, 1000));
  }
  await emit.item({
    item_type: 'pulse',
    data: { first_is_alive: isAlive(Number(readFileSync(job.pidFile, 'utf8'))) },
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
