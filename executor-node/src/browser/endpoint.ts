import { Buffer } from 'node:buffer';

/** Whether an address is of the DevTools protocol, any Chromium's, and not of a browser server of the embedded driver. */
export const isDevTools = (endpoint: string): boolean =>
  endpoint.includes('/devtools/browser/') || endpoint.startsWith('http');

/**
 * An address without the name and password in front of its host, and the header that tells them to the server: drivers
 * would send them as they stand there, percent-encoded.
 */
export function withoutUserInfo(endpoint: string): { address: string; headers?: { Authorization: string } } {
  const url = new URL(endpoint);
  if (!url.username && !url.password) return { address: endpoint };
  const userInfo = `${decoded(url.username)}:${decoded(url.password)}`;
  url.username = url.password = '';
  return {
    address: url.href,
    headers: { Authorization: `Basic ${Buffer.from(userInfo).toString('base64')}` },
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded UTF-8: a sign that stands for itself.
    return text;
  }
}
