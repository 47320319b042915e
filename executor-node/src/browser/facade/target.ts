import type { Facade } from './facade.ts';

/** Puppeteer's view of a page as something that can be attached to. */
export interface Target {
  type(): 'page';
  url(): string;
  page(): Promise<unknown>;
  opener(): Promise<Target | undefined>;
  browser(): unknown;
  browserContext(): unknown;
  createCDPSession(): Promise<unknown>;
}

const targets = new WeakMap<object, Target>();

/** The target of a driver's page; the same one each time. */
export function targetOf(page: any, facade: Facade): Target {
  const target = targets.get(page) ?? makeTarget(page, facade);
  targets.set(page, target);
  return target;
}

function makeTarget(page: any, facade: Facade): Target {
  return {
    type: () => 'page',
    url: () => page.url(),
    page: () => Promise.resolve(facade.wrap(page)),
    opener: async () => {
      const opener = await page.opener();
      return opener ? targetOf(opener, facade) : undefined;
    },
    browser: () => facade.wrap(page.context().browser()),
    browserContext: () => facade.wrap(page.context()),
    createCDPSession: () => page.context().newCDPSession(page),
  };
}
