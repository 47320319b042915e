import { browserMembers, contextMembers } from './browser-members.ts';
import { elementMembers, handleMembers } from './handle-members.ts';
import { removeListeners } from './events.ts';
import { frameMembers } from './frame-members.ts';
import { keyboardMembers, mouseMembers, pageMembers } from './page-members.ts';
import { fileChooserMembers, requestMembers, responseMembers } from './message-members.ts';

/** What one name of a driver's object is in the facade, in place of the driver's own. */
export type Member = (target: any, facade: Facade) => unknown;
export type Members = Record<string, Member>;

type Callback = (...args: unknown[]) => unknown;

export interface FacadeOptions {
  /** The context that `browser.newPage()` opens pages in. */
  context: any;
  /** What further contexts are made with. */
  contextOptions: Record<string, unknown>;
  /** The address of a browser that was not started here. */
  endpoint?: string;
  /** The result of a call, which may wait before it tells of a failure. */
  hold?(result: unknown): unknown;
}

const MEMBERS: Record<string, Members> = {
  Browser: browserMembers,
  BrowserContext: contextMembers,
  Page: pageMembers,
  Frame: frameMembers,
  ElementHandle: elementMembers,
  JSHandle: handleMembers,
  Request: requestMembers,
  Response: responseMembers,
};

/** Objects without a type of their own, by the name under which their owner has them. */
const PARTS: Record<string, Members> = { keyboard: keyboardMembers, mouse: mouseMembers };

/** Functions that these methods take run here, and get the driver's objects. */
const CALLBACK_METHODS = new Set(['waitForRequest', 'waitForResponse', 'waitForEvent', 'route', 'unroute']);

const raw = new WeakMap<object, object>();

/**
 * Lets the embedded driver's objects answer Puppeteer's calls: each is a proxy over the real object, on which some
 * names mean what Puppeteer means and every other name is the driver's own. `.playwright` is the real object.
 */
export class Facade {
  readonly options: FacadeOptions;
  /** The script has had a driver's object itself, through which it reaches all that lies behind it. */
  hasGivenRaw = false;
  private readonly proxies = new WeakMap<object, object>();
  private readonly callbacks = new WeakMap<Callback, Callback>();
  private ended: object | undefined;

  constructor(options: FacadeOptions) {
    this.options = options;
  }

  /** The run is over: its browser, which goes on for others, is out of its reach. */
  end(browser: object): void {
    removeListeners(browser);
    this.ended = browser;
  }

  /** The facade of a driver's object, of each in an array, or the value itself. */
  wrap(value: any): any {
    if (typeof value !== 'object' || value === null) return value;
    if (value instanceof Promise) return value.then((result) => this.wrap(result));
    if (Array.isArray(value)) return value.map((one) => this.wrap(one));
    const members = MEMBERS[value._type] ?? (isFileChooser(value) ? fileChooserMembers : undefined);
    return members ? this.proxy(value, members) : value;
  }

  /** The driver's object behind a facade, also inside arrays. */
  unwrap(value: any): any {
    if (Array.isArray(value)) return value.map((one) => this.unwrap(one));
    return typeof value === 'object' && value !== null ? raw.get(value) ?? value : value;
  }

  /** A function of the script's that gets facades; the same one each time, as what takes it off again looks for it. */
  callback(fn: Callback): Callback {
    const known = this.callbacks.get(fn) ??
      ((...args: unknown[]) => this.unwrap(fn(...args.map((arg) => this.wrap(arg)))));
    this.callbacks.set(fn, known);
    return known;
  }

  private proxy(target: any, members: Members): object {
    const existing = this.proxies.get(target);
    if (existing) return existing;
    const proxy = new Proxy(target, {
      get: (_, name) => this.read(target, name, members),
      has: (_, name) => name in target || (typeof name === 'string' && Object.hasOwn(members, name)),
    });
    this.proxies.set(target, proxy);
    raw.set(proxy, target);
    return proxy;
  }

  private read(target: any, name: string | symbol, members: Members): unknown {
    if (target === this.ended) throw new Error('the browser has been closed: its run is over');
    if (name === 'playwright') {
      this.hasGivenRaw = true;
      return target;
    }
    if (typeof name === 'string' && Object.hasOwn(members, name)) {
      return this.held(members[name](target, this));
    }
    const value = Reflect.get(target, name, target);
    if (typeof value === 'function') return this.method(target, name, value);
    if (typeof name === 'string' && Object.hasOwn(PARTS, name)) return this.proxy(value, PARTS[name]);
    return this.wrap(value);
  }

  private held(member: unknown): unknown {
    const { hold } = this.options;
    if (typeof member !== 'function' || !hold) return member;
    return (...args: unknown[]) => hold(member(...args));
  }

  private method(
    target: any,
    name: string | symbol,
    method: (...args: any[]) => any,
  ): (...args: unknown[]) => unknown {
    const takesCallback = typeof name === 'string' && CALLBACK_METHODS.has(name);
    return (...args) => {
      const given = args.map((arg) =>
        takesCallback && typeof arg === 'function' ? this.callback(arg as Callback) : this.unwrap(arg)
      );
      const result = this.wrap(method.apply(target, given));
      return this.options.hold?.(result) ?? result;
    };
  }
}

const isFileChooser = (value: any): boolean =>
  typeof value.setFiles === 'function' && typeof value.isMultiple === 'function';
