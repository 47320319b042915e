import type { Connections } from './connections.ts';
import { type Driver, loadDriver as load } from './driver.ts';
import { openEmbedded } from './embedded.ts';
import { openPuppeteer } from './own-puppeteer.ts';
import { useProxy } from './proxy/use.ts';

/** A main document's answer. */
export interface DocumentNote {
  host: string;
  status: number;
  retry_after_ms?: number;
  /** From asking to the head of the answer. */
  ms?: number;
}

export interface SessionProxy {
  protocol: string;
  host: string;
  port: number;
  username?: string;
  password?: string;
}

export interface SessionOptions {
  /** Absolute path; a driver installed beside it is used. */
  script: string;
  resolveFrom?: string;
  /** A browser that runs already; without it one is started for this run. */
  endpoint?: string;
  proxy?: SessionProxy;
  /** Where a session takes its connection to the embedded driver's server from, and gives it back. */
  connections?: Connections;
  onDocument(note: DocumentNote): void;
  /** Told when the browser is gone and nobody closed it, or the page has crashed. */
  onLoss(reason: string): void;
}

/** A page in a context of its own. */
export interface BrowserSession {
  page: any;
  browser: any;
  browserContext: any;
  /** The browser runs already and goes on when the session is closed. */
  isOfShared: boolean;
  /** The page's JavaScript heap; null when it does not answer. */
  heap(): Promise<{ used: number; limit: number } | null>;
  /** A browser's error with what the run's proxy has to do with it. */
  explain?(message: string): string;
  /** True once the browser is gone or the page has crashed. */
  isLost(): boolean;
  /** Why the browser or the page is gone, when this failure, or its message, comes from that. Waits for their answers. */
  lossBehind(failure: Error | string): Promise<string | undefined>;
  /** Ends the context, and the browser if it was started for this run. Waits 2 s at most. */
  close(): Promise<void>;
}

/** Imports the driver ahead of its use. Answers the same object for scripts that share it. */
export const loadDriver = async (script: string, resolveFrom?: string): Promise<unknown> => {
  const driver = await load(script, resolveFrom);
  return driver.kind === 'embedded' ? driver.chromium : driver.puppeteer;
};

/** @throws when there is no driver, no browser, or the endpoint does not answer. */
export async function openSession(options: SessionOptions): Promise<BrowserSession> {
  const driver = await load(options.script, options.resolveFrom);
  const { proxy, explain, close } = await useProxy(options.proxy, options.endpoint);
  try {
    const session = await open(driver, { ...options, proxy });
    return { ...session, explain, close: () => session.close().finally(close) };
  } catch (error) {
    close();
    throw error;
  }
}

const open = (driver: Driver, options: SessionOptions): Promise<BrowserSession> =>
  driver.kind === 'embedded' ? openEmbedded(driver.chromium, options) : openPuppeteer(driver, options);
