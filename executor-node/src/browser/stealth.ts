import { arch } from 'node:process';
import { isStealthy, LANGUAGES, plainUserAgent } from './chromium.ts';
import { browserVersion, command } from './facade/devtools.ts';
import { maskPage } from './stealth-page.ts';

interface Brand {
  brand: string;
  version: string;
}

/** What makes a context unlike one that nobody looks at; for `newContext`, with `disguise` after it. */
export async function stealthOptions(browser: any): Promise<Record<string, unknown>> {
  if (!isStealthy()) return {};
  const options: Record<string, unknown> = { screen: { width: 1920, height: 1080 } };
  // A browser that somebody else started may still say that it is headless; ours was told at its start, and then this
  // option would only blank the client hints of workers.
  if (await saysHeadless(browser)) options.userAgent = plainUserAgent(browser.version());
  return options;
}

/** Dresses every page of a context of the embedded driver, those of the script and those that pages open. */
export async function disguise(context: any): Promise<void> {
  if (!isStealthy()) return;
  const agent = userAgentOverride(context.browser().version());
  const dressed = new WeakMap<object, Promise<void>>();
  context.on('page', (page: any) => {
    // A page that closes at once needs no dress.
    dressed.set(page, command(page, 'Emulation.setUserAgentOverride', agent).catch(() => {}));
  });
  await context.addInitScript(maskPage);
  const newPage = context.newPage.bind(context);
  // The first request of a page that was asked for must not leave before its dress is on.
  context.newPage = async () => {
    const page = await newPage();
    await dressed.get(page);
    return page;
  };
}

/** The same for a page of the user's own Puppeteer. */
export async function disguisePuppeteer(page: any, browserVersion: string): Promise<void> {
  if (!isStealthy()) return;
  const { userAgent, userAgentMetadata } = userAgentOverride(browserVersion.replace(/^.*\//, ''));
  await page.setUserAgent(userAgent, userAgentMetadata);
  await page.evaluateOnNewDocument(maskPage);
}

const headless = new WeakMap<object, Promise<boolean>>();

/** Asks once over each connection. */
function saysHeadless(browser: any): Promise<boolean> {
  const asked = headless.get(browser) ?? askForHeadless(browser);
  headless.set(browser, asked);
  return asked;
}

async function askForHeadless(browser: any): Promise<boolean> {
  const { userAgent } = await browserVersion(browser);
  return userAgent.includes('Headless');
}

/** @param version such as `156.0.8078.79` */
function userAgentOverride(version: string) {
  const brands = brandList(version);
  return {
    userAgent: plainUserAgent(version),
    acceptLanguage: LANGUAGES,
    userAgentMetadata: {
      brands: brands.map(({ brand, version }) => ({ brand, version: version.split('.')[0] })),
      fullVersionList: brands,
      platform: 'Linux',
      platformVersion: '',
      architecture: arch === 'arm64' ? 'arm' : 'x86',
      bitness: '64',
      model: '',
      mobile: false,
    },
  };
}

/** What Chromium of this version says, by the rule that it makes up the brand nobody shall rely on. */
export function brandList(version: string): Brand[] {
  const major = Number(version.split('.')[0]);
  const signs = [' ', '(', ':', '-', '.', '/', ')', ';', '=', '?', '_'];
  const [first, second] = [signs[major % signs.length], signs[(major + 1) % signs.length]];
  const greased = {
    brand: `Not${first}A${second}Brand`,
    version: `${['8', '99', '24'][major % 3]}.0.0.0`,
  };
  const own = { brand: 'Chromium', version };
  return major % 2 === 0 ? [greased, own] : [own, greased];
}
