import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Isolation, ISOLATIONS } from './script/isolation.ts';

/** What the command line asks for. */
export interface Arguments {
  /** Absolute path; empty with `serve`, where each request names its own. */
  script: string;
  validate: boolean;
  /** Wait for requests instead of running one script, and what is kept apart between them. */
  serve?: Isolation;
  /** Absolute path of a script; the browser driver that it would use is loaded ahead of the first request. */
  driverFor?: string;
  /** Absolute directory whose packages a script may import besides its own. */
  resolveFrom?: string;
}

/** A command line that cannot be used. */
export class UsageError extends Error {
  override name = 'UsageError';
}

export const USAGE = 'usage: quarry-executor [--resolve-from DIR] [--validate] SCRIPT\n' +
  '       quarry-executor --serve=process|module|none [--resolve-from DIR] [--driver-for SCRIPT]';

/** @throws UsageError */
export function parseArguments(args: string[], environment: Record<string, string | undefined>): Arguments {
  const words: string[] = [];
  let validate = false;
  let serve: Isolation | undefined;
  let driverFor: string | undefined;
  let resolveFrom = environment.QUARRY_RESOLVE_FROM;
  for (let index = 0; index < args.length; index++) {
    const word = args[index];
    if (word === '--validate') validate = true;
    else if (word.startsWith('--serve=')) serve = isolation(word.slice('--serve='.length));
    else if (word === '--driver-for') driverFor = args[++index] ?? missing('--driver-for needs a script');
    else if (word === '--resolve-from') {
      resolveFrom = args[++index] ?? missing('--resolve-from needs a directory');
    } else if (word === '--') words.push(...args.splice(index + 1));
    else if (word.startsWith('-')) throw new UsageError(`unknown option ${word}\n${USAGE}`);
    else words.push(word);
  }
  return {
    script: scriptPath(words, { serve, validate }),
    validate,
    serve,
    driverFor: driverFor && absolute(driverFor),
    resolveFrom: resolveFrom ? absolute(resolveFrom) : undefined,
  };
}

function scriptPath(
  [script, ...rest]: string[],
  { serve, validate }: Pick<Arguments, 'serve' | 'validate'>,
): string {
  if (serve && (script || validate)) {
    throw new UsageError(`--serve takes scripts from its requests, not from the command line\n${USAGE}`);
  }
  if (serve) return '';
  if (!script) missing('the path of a script is missing');
  if (rest.length > 0) throw new UsageError(`one script at a time; '${rest[0]}' is one too many\n${USAGE}`);
  return absolute(script);
}

/** Also of a `file:///` address, as editors and messages show them. */
function absolute(path: string): string {
  if (!path.startsWith('file:///')) return resolve(path);
  try {
    return fileURLToPath(path);
  } catch (error) {
    throw new UsageError(`${path} is no file's address: ${(error as Error).message}`);
  }
}

function isolation(text: string): Isolation {
  return ISOLATIONS.find((known) => known === text) ??
    missing(`--serve must be one of ${ISOLATIONS.join(', ')}, not '${text}'`);
}

function missing(what: string): never {
  throw new UsageError(`${what}\n${USAGE}`);
}
