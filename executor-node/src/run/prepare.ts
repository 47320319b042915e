import type { PrepareResult, RunInfo } from '../../../sdk/src/index.ts';
import { CrashError, toError } from '../errors.ts';
import type { LoadedScript } from '../script/load.ts';
import type { FailureWatch } from './watch.ts';

export type Prepared = { skip: false; job: Record<string, unknown> } | { skip: true; reason?: string };

/** Asks the script's `prepare` hook whether to run, and with which job. @throws CrashError */
export async function prepareRun(
  script: LoadedScript,
  job: Record<string, unknown>,
  run: RunInfo,
  watch: FailureWatch,
): Promise<Prepared> {
  const { prepare } = script.hooks;
  if (!prepare) return { skip: false, job };
  let result: PrepareResult;
  try {
    result = await watch.guard(() => prepare(job, run));
  } catch (thrown) {
    const error = toError(thrown);
    throw new CrashError('prepare_error', `prepare threw: ${error.message}`, error);
  }
  return checkedResult(result, job);
}

function checkedResult(result: PrepareResult, job: Record<string, unknown>): Prepared {
  if (result?.action === 'continue') {
    const next = result.job ?? job;
    if (typeof next !== 'object' || Array.isArray(next)) throw malformed('job must be an object');
    return { skip: false, job: next };
  }
  if (result?.action === 'skip') {
    const { reason } = result;
    if (reason !== undefined && typeof reason !== 'string') throw malformed('reason must be a string');
    return { skip: true, reason };
  }
  throw malformed(`action must be 'continue' or 'skip'`);
}

const malformed = (what: string): CrashError =>
  new CrashError(
    'prepare_error',
    `prepare must return {action: 'continue', job?} or {action: 'skip', reason?}: ${what}`,
  );
