/** What stands in for the package in `with-puppeteer.ts`; the real one has these and more. */
export class Page {
  goto(url: string): Promise<unknown>;
}
export class BrowserContext {
  newPage(): Promise<Page>;
}
export class Browser {
  version(): Promise<string>;
}
