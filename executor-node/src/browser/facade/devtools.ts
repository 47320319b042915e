const sessions = new WeakMap<object, Promise<any>>();

/** A DevTools session of the facade's own for one page; what it overrides holds as long as the page. */
export function devtools(page: any): Promise<any> {
  const session = sessions.get(page) ?? page.context().newCDPSession(page);
  sessions.set(page, session);
  return session;
}

/** What the browser says of itself, over a DevTools session that ends with the call: its connection shall be as it was. */
export async function browserVersion(browser: any): Promise<{ userAgent: string }> {
  const session = await browser.newBrowserCDPSession();
  const version = await session.send('Browser.getVersion');
  await session.detach();
  return version;
}

/** One DevTools command. */
export const command = async (page: any, method: string, parameters?: object): Promise<any> =>
  await (await devtools(page)).send(method, parameters);
