import { command } from './devtools.ts';
import { callText } from './evaluate.ts';
import { eventMembers } from './events.ts';
import type { Members } from './facade.ts';
import { documentMembers } from './frame-members.ts';
import { requestSource, setRequestInterception } from './interception.ts';
import { navigate } from './navigation.ts';
import { type IdleOptions, NetworkActivity } from './network-idle.ts';
import { encoded, type ScreenshotOptions } from './screenshot.ts';
import { targetOf } from './target.ts';

interface Cookie {
  name: string;
  value?: string;
  url?: string;
  domain?: string;
  path?: string;
}

interface Viewport {
  width: number;
  height: number;
  deviceScaleFactor?: number;
  isMobile?: boolean;
  hasTouch?: boolean;
}

interface UserAgent {
  userAgent: string;
  userAgentMetadata?: object;
  platform?: string;
}

const moving =
  (method: 'reload' | 'goBack' | 'goForward'): Members[string] => (page, facade) => (options?: object) =>
    facade.wrap(navigate(page, options, (given) => page[method](given)));

/** Puppeteer means the page's own address when a cookie names no place. */
const placed = (page: any, cookie: Cookie): Cookie =>
  cookie.url || cookie.domain
    ? { path: cookie.domain ? '/' : undefined, ...cookie }
    : { ...cookie, url: page.url() };

async function setViewport(page: any, viewport: Viewport | null): Promise<void> {
  if (!viewport) return await command(page, 'Emulation.clearDeviceMetricsOverride');
  const { width, height, deviceScaleFactor, isMobile, hasTouch } = viewport;
  await page.setViewportSize({ width, height });
  if (deviceScaleFactor === undefined && isMobile === undefined) return;
  await command(page, 'Emulation.setDeviceMetricsOverride', {
    width,
    height,
    deviceScaleFactor: deviceScaleFactor ?? 1,
    mobile: isMobile ?? false,
  });
  if (hasTouch !== undefined) {
    await command(page, 'Emulation.setTouchEmulationEnabled', { enabled: hasTouch });
  }
}

async function setUserAgent(page: any, given: string | UserAgent, metadata?: object): Promise<void> {
  const { userAgent, userAgentMetadata, platform } = typeof given === 'string'
    ? { userAgent: given, userAgentMetadata: metadata, platform: undefined }
    : given;
  await command(page, 'Emulation.setUserAgentOverride', { userAgent, userAgentMetadata, platform });
}

/** What describes a page and where it belongs. */
const placeMembers: Members = {
  browser: (page, facade) => () => facade.wrap(page.context().browser()),
  browserContext: (page, facade) => () => facade.wrap(page.context()),
  target: (page, facade) => () => targetOf(page, facade),
  createCDPSession: (page) => () => page.context().newCDPSession(page),
  viewport: (page) => () => page.viewportSize(),
  metrics: (page) => async () => {
    await command(page, 'Performance.enable');
    const { metrics } = await command(page, 'Performance.getMetrics');
    return Object.fromEntries(
      metrics.map(({ name, value }: { name: string; value: number }) => [name, value]),
    );
  },
};

/** What changes how a page is shown and served. */
const emulationMembers: Members = {
  setViewport: (page) => (viewport: Viewport | null) => setViewport(page, viewport),
  setUserAgent: (page) => (given: string | UserAgent, metadata?: object) =>
    setUserAgent(page, given, metadata),
  emulate: (page) => async ({ userAgent, viewport }: { userAgent: string; viewport: Viewport }) => {
    await setUserAgent(page, userAgent);
    await setViewport(page, viewport);
  },
  emulateMediaType: (page) => (media?: string) => page.emulateMedia({ media: media ?? null }),
  emulateMediaFeatures: (page) => (features?: object[]) =>
    command(page, 'Emulation.setEmulatedMedia', { features: features ?? [] }),
  emulateTimezone: (page) => (timezoneId?: string) =>
    command(page, 'Emulation.setTimezoneOverride', { timezoneId: timezoneId ?? '' }),
  emulateCPUThrottling: (page) => (rate: number | null) =>
    command(page, 'Emulation.setCPUThrottlingRate', { rate: rate ?? 1 }),
  setGeolocation: (page) => (place: object) => page.context().setGeolocation(place),
  setOfflineMode: (page) => (offline: boolean) => page.context().setOffline(offline),
  setJavaScriptEnabled: (page) => (on: boolean) =>
    command(page, 'Emulation.setScriptExecutionDisabled', { value: !on }),
  setBypassCSP: (page) => (enabled: boolean) => command(page, 'Page.setBypassCSP', { enabled }),
  setCacheEnabled: (page) => async (enabled = true) => {
    await command(page, 'Network.enable');
    await command(page, 'Network.setCacheDisabled', { cacheDisabled: !enabled });
  },
  authenticate: (page) => (credentials: object | null) => page.context().setHTTPCredentials(credentials),
  setRequestInterception,
  evaluateOnNewDocument: (page) => (fn: unknown, ...args: unknown[]) =>
    page.addInitScript({ content: callText(fn, args) }),
};

const cookieMembers: Members = {
  cookies: (page) => (...urls: string[]) => page.context().cookies(urls.length > 0 ? urls : page.url()),
  setCookie: (page) => (...cookies: Cookie[]) =>
    page.context().addCookies(cookies.map((cookie) => placed(page, cookie))),
  deleteCookie: (page) => async (...cookies: Cookie[]) => {
    for (const { name, domain, path } of cookies) await page.context().clearCookies({ name, domain, path });
  },
};

const waitingMembers: Members = {
  reload: moving('reload'),
  goBack: moving('goBack'),
  goForward: moving('goForward'),
  waitForNetworkIdle: (page) => (options?: IdleOptions) => NetworkActivity.of(page).idle(options),
  waitForFileChooser: (page, facade) => (options?: object) =>
    facade.wrap(page.waitForEvent('filechooser', options)),
  screenshot: (page) => (options?: ScreenshotOptions) => encoded(options, (given) => page.screenshot(given)),
};

export const pageMembers: Members = {
  ...documentMembers,
  ...placeMembers,
  ...emulationMembers,
  ...cookieMembers,
  ...waitingMembers,
  ...eventMembers({ request: requestSource }),
};

export const keyboardMembers: Members = {
  sendCharacter: (keyboard) => (text: string) => keyboard.insertText(text),
};

export const mouseMembers: Members = {
  click: (mouse) => (x: number, y: number, { count, ...options }: { count?: number } = {}) =>
    mouse.click(x, y, count ? { clickCount: count, ...options } : options),
  wheel: (mouse) => (by: number | { deltaX?: number; deltaY?: number } = {}, deltaY = 0) =>
    typeof by === 'number' ? mouse.wheel(by, deltaY) : mouse.wheel(by.deltaX ?? 0, by.deltaY ?? 0),
};
