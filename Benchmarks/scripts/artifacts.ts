// Emits `count` artifacts of `mebibytes` each.
import type { QuarryContext } from '../../sdk/src/index.ts';

export const config = { browser: false };

export default async function artifacts(
  { job, emit }: QuarryContext<{ count: number; mebibytes: number }>,
): Promise<void> {
  const data = new Uint8Array(job.mebibytes << 20).map((_, index) => index * 31);
  for (let index = 0; index < job.count; index++) {
    await emit.artifact({ name: `${index}.bin`, content_type: 'application/octet-stream', data });
  }
}
