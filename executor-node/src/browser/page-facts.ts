import type { DocumentNote } from './session.ts';

const HEAP_TIMEOUT_MS = 1000;
const CLOSE_TIMEOUT_MS = 2000;

/** A note about a main document's response; undefined for an address without a host. */
export function documentNote(
  url: string,
  status: number,
  headers: Record<string, string>,
  ms?: number,
): DocumentNote | undefined {
  const { host } = new URL(url);
  if (!host) return undefined;
  const note: DocumentNote = { host, status };
  const retryAfter = retryAfterMs(headers['retry-after']);
  if (retryAfter !== undefined) note.retry_after_ms = retryAfter;
  if (ms !== undefined && ms >= 0) note.ms = Math.round(ms);
  return note;
}

/** Milliseconds that a `Retry-After` header asks for, in seconds or as a date; undefined when it says neither. */
export function retryAfterMs(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The page's heap, or null when it does not answer within a second. */
export async function pageHeap(page: any): Promise<{ used: number; limit: number } | null> {
  const asked = page.evaluate(() => {
    const { usedJSHeapSize, jsHeapSizeLimit } = (performance as any).memory;
    return { used: usedJSHeapSize, limit: jsHeapSizeLimit };
  }).catch(() => null);
  return await within(asked, HEAP_TIMEOUT_MS, null);
}

/** Closes what is given, one after the other; what fails or takes too long is left to the process' end. */
export async function closeAll(...closable: any[]): Promise<void> {
  const closing = (async () => {
    for (const one of closable) await one.close().catch(() => {});
  })();
  await within(closing, CLOSE_TIMEOUT_MS, undefined);
}

/** The result of `work`, or `otherwise` when that takes longer. */
export async function within<T>(work: Promise<T>, ms: number, otherwise: T): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  const timer = setTimeout(() => resolve(otherwise), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
