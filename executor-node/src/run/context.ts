import type { EmitAPI, MemoryAPI, QuarryContext, RunInfo, StorageAPI } from '../../../sdk/src/index.ts';
import type { BrowserSession } from '../browser/session.ts';

export interface ContextParts {
  job: Record<string, unknown>;
  run: RunInfo;
  emit: EmitAPI;
  storage: StorageAPI;
  memory: MemoryAPI;
  /** None when the script wants no browser. */
  session: BrowserSession | undefined;
}

const BROWSER_MEMBERS = ['page', 'browser', 'browserContext'] as const;

/** What the script and its hooks get. Without a browser its members throw, and say why. */
export function makeContext({ session, ...rest }: ContextParts): QuarryContext {
  if (session) {
    const { page, browser, browserContext } = session;
    return { ...rest, page, browser, browserContext };
  }
  const context = { ...rest } as QuarryContext;
  for (const name of BROWSER_MEMBERS) {
    Object.defineProperty(context, name, {
      get: () => {
        throw new Error(
          `ctx.${name}: there is no browser, because the script exports config = { browser: false }`,
        );
      },
    });
  }
  return context;
}
