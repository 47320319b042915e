// Never run: checked with an import map in which `puppeteer-core` is installed, so that `ctx` has its types.
import type { QuarryContext } from '../../../src/index.ts';
import type { Browser, BrowserContext, Page } from 'puppeteer-core';
import { type Equal, holds } from '../equal.ts';

declare const ctx: QuarryContext<{ url: string }>;

holds<Equal<typeof ctx.page, Page>>();
holds<Equal<typeof ctx.browser, Browser>>();
holds<Equal<typeof ctx.browserContext, BrowserContext>>();
// @ts-expect-error not a member of Puppeteer's page
ctx.page.getByRole('link');
