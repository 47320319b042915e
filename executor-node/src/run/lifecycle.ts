import type { Emitter, QuarryContext } from '../../../sdk/src/index.ts';
import { openBatches } from '../../../sdk/src/open-batches.ts';
import { toError } from '../errors.ts';
import { report } from '../report.ts';
import type { LoadedScript } from '../script/load.ts';
import type { FileStorage } from './storage.ts';
import type { FailureWatch } from './watch.ts';

/** How a run ended, as `run_result` says it. */
export interface Outcome {
  status: 'completed' | 'error' | 'crash';
  message?: string;
  error_type?: string;
  stack?: string;
}

export interface LifecycleParts {
  script: LoadedScript;
  emitter: Emitter;
  storage: FileStorage;
  watch: FailureWatch;
  /** What the run knows of an error's cause beyond its message. */
  explain(message: string): string;
  /** Why the browser is gone, when this failure, or its message, comes from that. */
  lossBehind(failure: Error | string): Promise<string | undefined>;
}

/** Messages and stacks are cut to so many characters: a terminal event must always fit. */
const TEXT_LIMIT = 64 * 1024;

/** Runs the script between its hooks and emits the terminal event, unless the script did. */
export async function runLifecycle(parts: LifecycleParts, ctx: QuarryContext): Promise<Outcome> {
  const { hooks } = parts.script;
  const error = await runBody(parts, ctx);
  const loss = await browserLoss(parts, error);
  if (loss) return await crashed(parts, ctx, loss);
  if (error) reportOrHandle(parts, error);
  if (error && !parts.emitter.ending) await quietly(parts, 'onError', () => hooks.onError?.(error, ctx));
  if (isOpen(parts)) {
    const signal = error ? { outcome: 'error' as const, error } : { outcome: 'completed' as const };
    await quietly(parts, 'beforeTerminal', () => hooks.beforeTerminal?.(signal, ctx));
  }
  if (isOpen(parts)) await emitTerminal(parts, error);
  reportOpenBatches(parts);
  await quietly(parts, 'cleanup', () => hooks.cleanup?.(ctx));
  return await outcome(parts, error);
}

/** A failure that the browser's end explains is not the script's, whether it was thrown or told by the script itself. */
async function browserLoss(
  { emitter, lossBehind }: LifecycleParts,
  error: Error | undefined,
): Promise<string | undefined> {
  const { ending } = emitter;
  if (ending) {
    return ending.type === 'run_error' ? await lossBehind(String(ending.payload.message)) : undefined;
  }
  return error && await lossBehind(error);
}

async function crashed(parts: LifecycleParts, ctx: QuarryContext, message: string): Promise<Outcome> {
  report(message);
  await quietly(parts, 'cleanup', () => parts.script.hooks.cleanup?.(ctx));
  return { status: 'crash', error_type: 'browser_lost', message };
}

/** What `beforeRun`, the script or `afterRun` threw. */
async function runBody(
  { script, emitter, storage, watch }: LifecycleParts,
  ctx: QuarryContext,
): Promise<Error | undefined> {
  try {
    await watch.guard(async () => {
      await script.hooks.beforeRun?.(ctx);
      await script.run(ctx);
      await storage.settled();
      // Rejections that nobody handled are told only after a turn of the event loop.
      await new Promise((resume) => setImmediate(resume));
      await script.hooks.afterRun?.(ctx);
      if (!emitter.ending) { for (const batch of openBatches(emitter.api)) await batch.flush(); }
    });
  } catch (thrown) {
    return toError(thrown);
  }
}

/** True while a terminal event can still be emitted. */
const isOpen = ({ emitter }: LifecycleParts): boolean => !emitter.ending && !emitter.failure;

function reportOrHandle({ emitter }: LifecycleParts, error: Error): void {
  if (emitter.ending) report(`after ${emitter.ending.type}: ${error.stack ?? error.message}`);
}

/** A batch is emitted when the script returns; one of a script that failed, or ended the run itself, is not. */
function reportOpenBatches({ emitter }: LifecycleParts): void {
  for (const { target, pending } of openBatches(emitter.api)) {
    report(`a batch of ${pending} for ${target} was not emitted: the run ended before its flush()`);
  }
}

async function emitTerminal({ emitter, explain }: LifecycleParts, error: Error | undefined): Promise<void> {
  const sent = error
    ? emitter.api.runError({
      error_type: 'script_error',
      message: cut(explain(error.message)),
      stack: error.stack && cut(error.stack),
    })
    : emitter.api.runComplete();
  await sent.catch((failure) => report(`the terminal event was not sent: ${toError(failure).message}`));
}

async function quietly({ watch }: LifecycleParts, hook: string, call: () => unknown): Promise<void> {
  try {
    await watch.guard(call, 'only a dead wait');
  } catch (thrown) {
    const error = toError(thrown);
    report(`hook ${hook} threw, which changes nothing: ${error.stack ?? error.message}`);
  }
}

async function outcome(
  { emitter, lossBehind }: LifecycleParts,
  error: Error | undefined,
): Promise<Outcome> {
  const { ending } = emitter;
  if (ending?.type === 'run_complete') return { status: 'completed' };
  if (ending?.type === 'run_error') {
    const { error_type, message, stack } = ending.payload;
    return { status: 'error', error_type, message, stack };
  }
  // It went while no script was running: before it began, or in one of the last hooks.
  const loss = await lossBehind('');
  if (loss) return { status: 'crash', error_type: 'browser_lost', message: loss };
  return {
    status: 'crash',
    error_type: 'sink_failed',
    message: error?.message ?? emitter.failure?.message ?? 'the terminal event was not sent',
  };
}

const cut = (text: string): string => text.length <= TEXT_LIMIT ? text : `${text.slice(0, TEXT_LIMIT)}…`;
