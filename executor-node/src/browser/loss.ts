/** What drivers say when what they were talking to is gone; not what they say of a site's connections. */
const GONE =
  /^(?!.*net::).*(been closed|(target|session|connection|browser|page) (is )?closed|crashed|detached|disconnected)/i;
/** How long the news of a browser's end may take after a call that failed because of it. */
const NEWS_MS = 2000;

/** Watches a browser and a page of one run, and knows why a call to them failed. */
export class LossWatch {
  private readonly news = Promise.withResolvers<string>();
  private readonly onLoss: (reason: string) => void;
  private reason: string | undefined;
  private isMeant = false;
  private readonly undo: (() => void)[] = [];

  /**
   * @param browser the driver's own object; closing it from here on counts as meant
   * @param onLoss called once, when the watched page has crashed, or the browser or the connection to it has ended, and
   *   nobody closed it
   */
  constructor(browser: any, onLoss: (reason: string) => void) {
    this.onLoss = onLoss;
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
    page.once(event, () => this.lost('the page crashed: its process ended in the middle of the run'));
  }

  /**
   * Why the browser, or the page, is gone, when that is what a failure comes from.
   * @param message of the failure
   */
  async behind(message: string): Promise<string | undefined> {
    if (this.reason) return this.reason;
    if (!GONE.test(message) || this.isMeant) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((resolve) => timer = setTimeout(() => resolve(undefined), NEWS_MS));
    try {
      return await Promise.race([this.news.promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private lost(reason: string): void {
    if (this.isMeant || this.reason) return;
    this.reason = reason;
    this.news.resolve(reason);
    this.onLoss(reason);
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
