import { NetworkActivity } from './network-idle.ts';

interface WaitOptions {
  waitUntil?: string | string[];
  timeout?: number;
}

/**
 * Navigates with Puppeteer's `waitUntil`, one word or several. `networkidle0` is the driver's own `networkidle`;
 * `networkidle2` waits for `load` and then until at most two requests are on their way.
 */
export async function navigate<T>(
  page: any,
  options: WaitOptions | undefined,
  act: (options: object) => Promise<T>,
): Promise<T> {
  const words = [options?.waitUntil ?? 'load'].flat();
  const activity = words.includes('networkidle2') ? NetworkActivity.of(page) : undefined;
  const result = await act({ ...options, waitUntil: driverWord(words) });
  await activity?.idle({ concurrency: 2, timeout: options?.timeout });
  return result;
}

/** The latest of the moments that are waited for. */
function driverWord(words: string[]): string {
  if (words.includes('networkidle0') || words.includes('networkidle')) return 'networkidle';
  if (words.includes('load') || words.includes('networkidle2')) return 'load';
  return words[0] ?? 'load';
}
