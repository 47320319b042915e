import { within } from './page-facts.ts';

/**
 * What drivers say when what they were talking to is gone, or of a navigation that did not succeed: one that waits when the
 * browser or the page's process ends is aborted before anything tells of the end.
 */
const MAY_BE_LOSS =
  /net::ERR_|been closed|(target|session|connection|browser|page) (is )?closed|crashed|detached|disconnected/i;
/** How long a browser may take to answer or to end before it counts as hung. */
const HUNG_MS = 10_000;
/** How long a page may take to answer, and how long the news of an end after an answer that was refused because of it. */
const NEWS_MS = 2000;
/** Calls of a page whose failures are told to the script when it is known what they come from. */
const WAITING_CALLS = [
  'goto',
  'reload',
  'goBack',
  'goForward',
  'setContent',
  'waitForNavigation',
  'waitForSelector',
  'waitForFunction',
  'evaluate',
  'content',
  'title',
];

/** What a run's browser is asked when a call has failed. */
export interface LossOptions {
  /** A round trip to the browser itself, over nothing that a script can close but the browser. */
  askBrowser(): Promise<unknown>;
  /**
   * Told once, when the watched page has crashed, or the browser or the connection to it has ended or hangs, and nobody
   * closed it.
   */
  onLoss(reason: string): void;
}

/** Watches a browser and a page of one run, and knows why a call to them failed. */
export class LossWatch {
  private readonly news = Promise.withResolvers<string>();
  private readonly options: LossOptions;
  private askPage: () => Promise<void> = async () => {};
  private reason: string | undefined;
  private isMeant = false;
  /** The page was asked and has not answered yet: it hangs, in a loop or behind a dialog that nobody closes. */
  private isPageSilent = false;
  /** Failures that were looked into. */
  private readonly known = new WeakSet<Error>();
  private readonly undo: (() => void)[] = [];

  /** @param browser the driver's own object; closing it from here on counts as meant */
  constructor(browser: any, options: LossOptions) {
    this.options = options;
    for (const name of ['close', 'disconnect']) this.allow(browser, name);
    const ended = (): void => this.lost('the browser ended in the middle of the run');
    browser.once('disconnected', ended);
    this.undo.push(() => browser.off('disconnected', ended));
  }

  /** The run is over: the browser is as it was before, and nobody is told of its end any more. */
  end(): void {
    this.isMeant = true;
    for (const undo of this.undo.splice(0)) undo();
  }

  /** True once the browser or the page is gone. */
  get isLost(): boolean {
    return this.reason !== undefined;
  }

  /** @param event under which the driver tells of a page whose process died */
  watchPage(page: any, event: 'crash' | 'error'): void {
    const { evaluate } = page;
    this.askPage = async () => {
      if (page.isClosed()) return;
      // A document that goes while it is asked tells of a living page too.
      await evaluate.call(page, '0').catch((error: Error) => {
        if (MAY_BE_LOSS.test(error.message) && !page.isClosed()) throw error;
      });
    };
    page.once(event, () => this.lost('the page crashed: its process ended in the middle of the run'));
    for (const name of WAITING_CALLS) {
      const method = page[name];
      if (typeof method !== 'function') continue;
      page[name] = (...args: unknown[]) => this.hold(method.apply(page, args));
    }
  }

  /** The result of a driver's call; a failure of it when it is known whether it comes from a loss. */
  hold(result: unknown): unknown {
    if (!(result instanceof Promise)) return result;
    return result.catch(async (error) => {
      if (error instanceof Error) await this.behind(error);
      throw error;
    });
  }

  /**
   * Why the browser, or the page, is gone, when that is what a failure comes from. Waits for the answers of both where the
   * failure does not tell: a browser answers, ends or counts as hung; a page that hangs is waited for only once.
   */
  async behind(failure: Error | string): Promise<string | undefined> {
    if (this.reason || this.isMeant || !this.isNew(failure)) return this.reason;
    const answers = Promise.all([this.answerOfBrowser(), this.answerOfPage()]);
    await Promise.race([this.news.promise, answers]);
    return this.reason;
  }

  private isNew(failure: Error | string): boolean {
    if (typeof failure === 'string') return MAY_BE_LOSS.test(failure);
    if (!MAY_BE_LOSS.test(failure.message) || this.known.has(failure)) return false;
    this.known.add(failure);
    return true;
  }

  /** Settles when an answer comes, whatever it is. */
  private async answerOf(ask: () => Promise<unknown>): Promise<void> {
    try {
      await ask();
    } catch (error) {
      // Refused because of an end of which nothing has been told yet, unless somebody wanted that end.
      const isEnd = MAY_BE_LOSS.test((error as Error).message) && !this.isMeant;
      if (isEnd) await within(this.news.promise, NEWS_MS, undefined);
    }
  }

  private async answerOfBrowser(): Promise<void> {
    const answer = this.answerOf(this.options.askBrowser).then(() => true);
    const heard = Promise.race([this.news.promise, answer]);
    // In two parts: after a process stood still, timers are told before what has come meanwhile.
    const isHung = !await within(heard, HUNG_MS / 2, false) && !await within(heard, HUNG_MS / 2, false);
    if (isHung) this.lost(`the browser hangs: it has not answered for ${HUNG_MS / 1000} s`);
  }

  /** A silent page is not asked again before it has answered. */
  private async answerOfPage(): Promise<void> {
    if (this.isPageSilent) return;
    const answer = this.answerOf(this.askPage).then(() => true);
    this.isPageSilent = !await within(Promise.race([this.news.promise, answer]), NEWS_MS, false);
    if (this.isPageSilent) answer.then(() => this.isPageSilent = false);
  }

  private lost(reason: string): void {
    if (this.isMeant || this.reason) return;
    this.reason = reason;
    this.news.resolve(reason);
    this.options.onLoss(reason);
  }

  private allow(browser: any, name: string): void {
    const method = browser[name];
    if (typeof method !== 'function') return;
    const isOwn = Object.hasOwn(browser, name);
    this.undo.push(() => isOwn ? browser[name] = method : delete browser[name]);
    browser[name] = (...args: unknown[]) => {
      this.isMeant = true;
      return method.apply(browser, args);
    };
  }
}
