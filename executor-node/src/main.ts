// The executor's entry, for one script or for many (--serve), with requests on standard input; see arguments.ts.
import { writeSync } from 'node:fs';
import process from 'node:process';
import { parseArguments, UsageError } from './arguments.ts';
import './browser/cache-folder.ts';
import { toError } from './errors.ts';
import { guardStdout, ownStdin } from './ipc/standard-streams.ts';
import { RequestError } from './ipc/request.ts';
import { report } from './report.ts';
import type { Validation } from './script/validate.ts';

/** Bad input: nothing was run. */
const INVALID_INPUT = 3;
const CRASH = 2;
/** What `--validate` ends with. */
const INVALID_SCRIPT = 1;

async function main(): Promise<number> {
  const frames = Number(process.env.QUARRY_FRAME_FD ?? 1);
  // Neither is meant for what a script starts.
  delete process.env.QUARRY_FRAME_FD;
  delete process.env.NODE_COMPILE_CACHE;
  delete process.env.NODE_DISABLE_COMPILE_CACHE;
  guardStdout();
  const { script, validate, serve: isolation, driverFor, resolveFrom } = parseArguments(
    process.argv.slice(2),
    process.env,
  );
  const { registerStandIns } = await import('./script/stand-ins.ts');
  registerStandIns(resolveFrom);
  if (validate) {
    const { endedWhileLoading, validateScript } = await import('./script/validate.ts');
    const answer = (validation: Validation) => writeSync(frames, `${JSON.stringify(validation)}\n`);
    onEarlyEnd = (code) => {
      answer(endedWhileLoading(script, code));
      process.exitCode = INVALID_SCRIPT;
    };
    const validation = await validateScript(script);
    answer(validation);
    return validation.valid ? 0 : INVALID_SCRIPT;
  }
  const { Input } = await import('./ipc/input.ts');
  const stdin = ownStdin();
  if (isolation) {
    const options = { driverFor, resolveFrom, frames, input: new Input(stdin, { manyLines: true }) };
    if (isolation === 'process') {
      const { serveOne } = await import('./run/serve-one.ts');
      return await serveOne(options);
    }
    const { serve } = await import('./run/serve.ts');
    return await serve({ isolation, ...options });
  }
  const { run } = await import('./run/run.ts');
  return await run({ script, resolveFrom, frames, input: new Input(stdin) });
}

let finished = false;
let onEarlyEnd = (code: number): void => {
  // These two say that there is no Node to run with; a script must not pass for that.
  if (code === 126 || code === 127) process.exitCode = CRASH;
  report(`the process ended with code ${code} before the run did: a script must not call process.exit`);
};
process.on('exit', (code) => {
  if (!finished) onEarlyEnd(code);
});

try {
  const code = await main();
  finished = true;
  process.exit(code);
} catch (thrown) {
  const error = toError(thrown);
  const isInput = error instanceof UsageError || error instanceof RequestError;
  report(isInput ? error.message : error.stack ?? error.message);
  finished = true;
  process.exit(isInput ? INVALID_INPUT : CRASH);
}
