// What `quarry debug ipc` runs: sends every kind of frame once, and touches no browser.
import type { QuarryContext } from '../sdk/src/index.ts';

export const config = { browser: false };

export default async function probe({ emit, storage }: QuarryContext): Promise<void> {
  await emit.info('the link is tried');
  await emit.item({ item_type: 'probe', data: { text: 'Grüße', number: 9007199254740991, nothing: null } });
  await emit.artifact({
    name: 'probe.bin',
    content_type: 'application/octet-stream',
    data: new Uint8Array(70_000),
  });
  const { key } = await storage.put({
    filename: 'probe.txt',
    content_type: 'text/plain',
    data: 'acknowledged',
  });
  await emit.checkpoint({ checkpoint_id: key });
  await emit.enqueue({ target: 'probe.ts', params: {} });
  await emit.rotateProxy({ reason: 'probe' });
}
