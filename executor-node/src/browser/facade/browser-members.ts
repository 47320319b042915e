import { eventMembers, type EventSource } from './events.ts';
import type { Facade, Members } from './facade.ts';
import { disguise } from '../stealth.ts';
import { type Target, targetOf } from './target.ts';

interface NewContext {
  proxyServer?: string;
  proxyBypassList?: string[];
}

/** Puppeteer's names of permissions that the driver calls otherwise. */
const PERMISSIONS: Record<string, string> = {
  'clipboard-read': 'clipboard-read',
  'clipboard-sanitized-write': 'clipboard-write',
};

const DEFAULT_TIMEOUT_MS = 30_000;

/** Pages that open or close, as targets. */
const contextTargets = (event: 'opened' | 'closed'): EventSource => (context, facade, listener) => {
  const opened = (page: any): void => {
    if (event === 'opened') listener(targetOf(page, facade));
    else page.once('close', () => listener(targetOf(page, facade)));
  };
  context.on('page', opened);
  return () => context.off('page', opened);
};

const browserTargets = (event: 'opened' | 'closed'): EventSource => (browser, facade, listener) => {
  const detach: ((() => void) | undefined)[] = browser.contexts().map((one: any) =>
    contextTargets(event)(one, facade, listener)
  );
  return () => detach.forEach((off) => off?.());
};

const pagesOf = (browser: any): any[] => browser.contexts().flatMap((context: any) => context.pages());

async function createContext(
  browser: any,
  facade: Facade,
  { proxyServer, proxyBypassList }: NewContext = {},
): Promise<unknown> {
  const proxy = proxyServer && { server: proxyServer, bypass: proxyBypassList?.join(',') };
  const context = await browser.newContext({ ...facade.options.contextOptions, ...(proxy && { proxy }) });
  await disguise(context);
  return facade.wrap(context);
}

function waitForTarget(contexts: any[], facade: Facade) {
  return (wanted: (target: Target) => boolean, { timeout = DEFAULT_TIMEOUT_MS } = {}): Promise<Target> => {
    const existing = contexts.flatMap((context) => context.pages()).map((page) => targetOf(page, facade))
      .find(wanted);
    if (existing) return Promise.resolve(existing);
    return Promise.any(contexts.map(async (context) => {
      const predicate = async (page: any): Promise<boolean> => {
        await page.waitForLoadState('commit').catch(() => {});
        return wanted(targetOf(page, facade));
      };
      return targetOf(await context.waitForEvent('page', { predicate, timeout }), facade);
    }));
  };
}

export const browserMembers: Members = {
  ...eventMembers({ targetcreated: browserTargets('opened'), targetdestroyed: browserTargets('closed') }),
  newPage: (_, facade) => async () => facade.wrap(await facade.options.context.newPage()),
  pages: (browser, facade) => () => Promise.resolve(facade.wrap(pagesOf(browser))),
  targets: (browser, facade) => () => pagesOf(browser).map((page) => targetOf(page, facade)),
  waitForTarget: (browser, facade) => waitForTarget(browser.contexts(), facade),
  browserContexts: (browser, facade) => () => facade.wrap(browser.contexts()),
  defaultBrowserContext: (_, facade) => () => facade.wrap(facade.options.context),
  createBrowserContext: (browser, facade) => (options?: NewContext) =>
    createContext(browser, facade, options),
  createIncognitoBrowserContext: (browser, facade) => (options?: NewContext) =>
    createContext(browser, facade, options),
  version: (browser) => () => Promise.resolve(`Chrome/${browser.version()}`),
  userAgent: (_, facade) => async () => {
    const [page] = facade.options.context.pages();
    return await page?.evaluate('navigator.userAgent');
  },
  wsEndpoint: (_, facade) => () => facade.options.endpoint ?? '',
  process: () => () => null,
  connected: (browser) => browser.isConnected(),
  disconnect: () => () => Promise.resolve(),
  cookies: (_, facade) => () => facade.options.context.cookies(),
  setCookie: (_, facade) => (...cookies: object[]) => facade.options.context.addCookies(cookies),
};

export const contextMembers: Members = {
  ...eventMembers({ targetcreated: contextTargets('opened'), targetdestroyed: contextTargets('closed') }),
  pages: (context, facade) => () => Promise.resolve(facade.wrap(context.pages())),
  targets: (context, facade) => () => context.pages().map((page: any) => targetOf(page, facade)),
  waitForTarget: (context, facade) => waitForTarget([context], facade),
  setCookie: (context) => (...cookies: object[]) => context.addCookies(cookies),
  deleteCookie: (context) => async (...cookies: { name: string; domain?: string; path?: string }[]) => {
    for (const { name, domain, path } of cookies) await context.clearCookies({ name, domain, path });
  },
  overridePermissions: (context) => (origin: string, permissions: string[]) =>
    context.grantPermissions(permissions.map((one) => PERMISSIONS[one] ?? one), { origin }),
  clearPermissionOverrides: (context) => () => context.clearPermissions(),
  isIncognito: () => () => true,
};
