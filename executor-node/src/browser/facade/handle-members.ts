import { elementFunction } from './evaluate.ts';
import type { Members } from './facade.ts';
import { clickOptions, queryMembers } from './frame-members.ts';
import { encoded, type ScreenshotOptions } from './screenshot.ts';

export const handleMembers: Members = {
  evaluate: (handle, facade) => (fn: unknown, ...args: unknown[]) =>
    handle.evaluate(...elementFunction(fn, facade.unwrap(args))),
  evaluateHandle: (handle, facade) => (fn: unknown, ...args: unknown[]) =>
    facade.wrap(handle.evaluateHandle(...elementFunction(fn, facade.unwrap(args)))),
};

export const elementMembers: Members = {
  ...queryMembers,
  ...handleMembers,
  click: (element) => (options?: unknown) => element.click(clickOptions(options)),
  uploadFile: (element) => (...paths: string[]) => element.setInputFiles(paths),
  select: (element) => (...values: string[]) => element.selectOption(values),
  scrollIntoView: (element) => () => element.scrollIntoViewIfNeeded(),
  toElement: (element, facade) => () => Promise.resolve(facade.wrap(element)),
  screenshot: (element) => (options?: ScreenshotOptions) =>
    encoded(options, (given) => element.screenshot(given)),
  clickablePoint: (element) => async () => {
    const box = await element.boundingBox();
    if (!box) throw new Error('Node is either not clickable or not an Element');
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  },
  isIntersectingViewport: (element) => ({ threshold = 0 } = {}) =>
    element.evaluate(async (node: Element, least: number) => {
      const ratio = await new Promise<number>((resolve) => {
        const observer = new IntersectionObserver(([entry]) => {
          observer.disconnect();
          resolve(entry.intersectionRatio);
        });
        observer.observe(node);
      });
      return least === 1 ? ratio === 1 : ratio > least;
    }, threshold),
};
