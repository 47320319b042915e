import { elementFunction, pageFunction } from './evaluate.ts';
import type { Facade, Members } from './facade.ts';
import { navigate } from './navigation.ts';
import { driverSelector } from './selectors.ts';

interface WaitForSelector {
  visible?: boolean;
  hidden?: boolean;
  state?: string;
  timeout?: number;
}

const WAIT_FOR_FUNCTION_OPTIONS = new Set(['polling', 'timeout', 'signal']);

/** The page that a page or a frame belongs to. */
const pageOf = (target: any): any => target._type === 'Page' ? target : target.page();

/** Names that pages, frames and elements share. */
export const queryMembers: Members = {
  $: (target, facade) => (selector: string) => facade.wrap(target.$(driverSelector(selector))),
  $$: (target, facade) => (selector: string) => facade.wrap(target.$$(driverSelector(selector))),
  $x: (target, facade) => (expression: string) => facade.wrap(target.$$(`xpath=${expression}`)),
  $eval: (target, facade) => (selector: string, fn: unknown, ...args: unknown[]) =>
    target.$eval(driverSelector(selector), ...elementFunction(fn, facade.unwrap(args))),
  $$eval: (target, facade) => (selector: string, fn: unknown, ...args: unknown[]) =>
    target.$$eval(driverSelector(selector), ...elementFunction(fn, facade.unwrap(args))),
  evaluate: (target, facade) => (fn: unknown, ...args: unknown[]) =>
    target.evaluate(...pageFunction(fn, facade.unwrap(args))),
  evaluateHandle: (target, facade) => (fn: unknown, ...args: unknown[]) =>
    facade.wrap(target.evaluateHandle(...pageFunction(fn, facade.unwrap(args)))),
  waitForSelector: (target, facade) => (selector: string, options?: WaitForSelector) =>
    facade.wrap(target.waitForSelector(driverSelector(selector), selectorOptions(options))),
  waitForXPath: (target, facade) => (expression: string, options?: WaitForSelector) =>
    facade.wrap(target.waitForSelector(`xpath=${expression}`, selectorOptions(options))),
};

/** Puppeteer waits for presence unless told otherwise, the driver for visibility. */
function selectorOptions({ visible, hidden, ...options }: WaitForSelector = {}): object {
  return { ...options, state: options.state ?? (hidden ? 'hidden' : visible ? 'visible' : 'attached') };
}

/** Puppeteer fails at once when there is no such element; the driver would wait for one. */
const onElement =
  (method: string) => (target: any) => async (selector: string, ...args: unknown[]): Promise<unknown> => {
    const found = driverSelector(selector);
    const element = await target.$(found);
    if (!element) throw new Error(`No element found for selector: ${selector}`);
    await element.dispose();
    return await target[method](found, ...args.map(clickOptions));
  };

/** `count` and `offset` are Puppeteer's words. */
export function clickOptions(given: unknown): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given;
  const { count, offset, ...options } = given as {
    count?: number;
    offset?: object;
    clickCount?: number;
    position?: object;
  };
  return { ...options, ...(count && { clickCount: count }), ...(offset && { position: offset }) };
}

/** Names that pages and frames share. */
export const documentMembers: Members = {
  ...queryMembers,
  goto: (target, facade) => (url: string, options?: { waitUntil?: string }) =>
    facade.wrap(navigate(pageOf(target), options, (given) => target.goto(url, given))),
  setContent: (target) => (html: string, options?: { waitUntil?: string }) =>
    navigate(pageOf(target), options, (given) => target.setContent(html, given)),
  waitForNavigation: (target, facade) => (options?: { waitUntil?: string }) =>
    facade.wrap(navigate(pageOf(target), options, (given) => target.waitForNavigation(given))),
  waitForFunction: (target, facade) => (fn: unknown, ...rest: unknown[]) =>
    waitForFunction(target, facade, fn, rest),
  click: onElement('click'),
  focus: onElement('focus'),
  hover: onElement('hover'),
  tap: onElement('tap'),
  type: onElement('type'),
  select: (target) => (selector: string, ...values: string[]) =>
    onElement('selectOption')(target)(selector, values),
};

export const frameMembers: Members = documentMembers;

/** Puppeteer: `(fn, options?, ...args)`; the driver: `(fn, arg, options)`. What looks like options is options. */
function waitForFunction(target: any, facade: Facade, fn: unknown, rest: unknown[]): Promise<unknown> {
  const [options, ...args] = rest;
  if (options !== undefined && !isOptions(options)) {
    return facade.wrap(target.waitForFunction(fn, ...facade.unwrap(rest)));
  }
  const [source, arg] = pageFunction(fn, facade.unwrap(args));
  return facade.wrap(target.waitForFunction(source, arg, driverPolling(options)));
}

const isOptions = (value: unknown): value is object =>
  typeof value === 'object' && value !== null &&
  Object.keys(value).every((key) => WAIT_FOR_FUNCTION_OPTIONS.has(key));

function driverPolling(options: { polling?: string | number } | undefined): object | undefined {
  return options?.polling === 'mutation' ? { ...options, polling: 'raf' } : options;
}
