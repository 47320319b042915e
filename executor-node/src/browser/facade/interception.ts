import type { EventSource } from './events.ts';
import type { Member, Members } from './facade.ts';

interface Paused {
  route: any;
  handled: boolean;
}

/** Requests that wait for the script's word. */
const paused = new WeakMap<object, Paused>();
const interceptions = new WeakMap<object, Interception>();

/** One page's `setRequestInterception`: `request` events then come from requests that are held back. */
class Interception {
  private readonly listeners = new Set<(request: unknown) => unknown>();
  private readonly page: any;
  private on = false;
  private readonly handler = (route: any): unknown => this.hold(route);

  constructor(page: any) {
    this.page = page;
  }

  static of(page: object): Interception {
    const existing = interceptions.get(page) ?? new Interception(page);
    interceptions.set(page, existing);
    return existing;
  }

  async set(on: boolean): Promise<void> {
    if (on === this.on) return;
    this.on = on;
    if (on) await this.page.route('**/*', this.handler);
    else await this.page.unroute('**/*', this.handler);
  }

  listen(listener: (request: unknown) => unknown): () => void {
    const direct = (request: unknown): void => {
      if (!this.on) listener(request);
    };
    this.page.on('request', direct);
    this.listeners.add(listener);
    return () => {
      this.page.off('request', direct);
      this.listeners.delete(listener);
    };
  }

  private hold(route: any): unknown {
    if (this.listeners.size === 0) return route.continue();
    const request = route.request();
    paused.set(request, { route, handled: false });
    for (const listener of this.listeners) listener(request);
  }
}

export const setRequestInterception: Member = (page) => (on: boolean) => Interception.of(page).set(on);

export const requestSource: EventSource = (page, _, listener) => Interception.of(page).listen(listener);

/** A second answer would come too late and is refused, as in Puppeteer. */
function answer(request: object, act: (route: any) => Promise<void>): Promise<void> {
  const held = paused.get(request);
  if (!held) return Promise.reject(new Error('Request Interception is not enabled!'));
  if (held.handled) return Promise.reject(new Error('Request is already handled!'));
  held.handled = true;
  return act(held.route);
}

/** What a request that is held back can be told. */
export const interceptionMembers: Members = {
  continue: (request) => (overrides?: Record<string, unknown>) =>
    answer(request, (route) => route.continue(overrides)),
  abort: (request) => (reason = 'failed') => answer(request, (route) => route.abort(reason)),
  respond: (request) => (response: Record<string, unknown>) =>
    answer(request, (route) => route.fulfill({ ...response, headers: texts(response.headers) })),
  isInterceptResolutionHandled: (request) => () => paused.get(request)?.handled ?? false,
};

const texts = (headers: unknown): Record<string, string> | undefined =>
  headers
    ? Object.fromEntries(Object.entries(headers as object).map(([name, value]) => [name, String(value)]))
    : undefined;
