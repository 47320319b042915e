// Reads the shop's pages as text.
import type { QuarryContext } from '../../../sdk/src/index.ts';

/** The page's text; a page that refuses is reported to the fleet. */
export async function fetchPage(url: string, emit: QuarryContext<object>['emit']): Promise<string> {
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok) {
    const seconds = Number(response.headers.get('retry-after') ?? 0);
    await emit.hostReport({
      host: new URL(url).hostname,
      status: response.status,
      ...(seconds > 0 ? { retry_after_ms: seconds * 1000 } : {}),
    });
    throw new Error(`${url} answered ${response.status}`);
  }
  return text;
}

/** Addresses of the anchors that have this attribute. */
export function linksOf(text: string, base: string, attribute: string): string[] {
  return [...text.matchAll(/<a ([^>]*)>/g)]
    .filter(([, attributes]) => attributes.includes(attribute))
    .map(([, attributes]) => new URL(between(attributes, 'href="', '"'), base).href);
}

/** What stands between two texts, each of which comes once. */
export function between(text: string, before: string, after: string): string {
  const start = text.indexOf(before) + before.length;
  if (start < before.length) throw new Error(`no '${before}'`);
  return text.slice(start, text.indexOf(after, start));
}
