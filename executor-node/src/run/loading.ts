import type { BrowserSession, SessionOptions } from '../browser/session.ts';
import type { LoadedScript } from '../script/load.ts';
import type { FailureWatch } from './watch.ts';

/** Opens a page in a context of its own. */
export type OpenSession = (options: SessionOptions) => Promise<BrowserSession>;

/** A script that is loaded, and the browser's code that it needs. */
export interface Loaded {
  script: LoadedScript;
  /** Imports the browser's code, and answers how to open a session; undefined for a script that wants no browser. */
  browser: (() => Promise<OpenSession>) | undefined;
}

export interface Loading {
  /** Imports the script. */
  script: () => Promise<LoadedScript>;
  /** Imports the browser's code. */
  browser: () => Promise<OpenSession>;
  watch: FailureWatch;
}

/** Loads a script, and the browser's code beside it. Whoever awaits the result gets what failed. */
export function load({ script: importScript, browser, watch }: Loading): Promise<Loaded> {
  const loading = watch.guard(async () => {
    const script = await importScript();
    if (script.config.browser === false) return { script, browser: undefined };
    // A script that may skip the run shall not wait for a driver that it does not need.
    if (!script.hooks.prepare) browser().catch(() => {});
    return { script, browser };
  });
  loading.catch(() => {});
  return loading;
}
