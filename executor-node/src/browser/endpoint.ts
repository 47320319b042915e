/** Whether an address is of the DevTools protocol, any Chromium's, and not of a browser server of the embedded driver. */
export const isDevTools = (endpoint: string): boolean =>
  endpoint.includes('/devtools/browser/') || endpoint.startsWith('http');
