import { resolve } from 'node:path';

/** What the command line asks for. */
export interface Arguments {
  /** Absolute path. */
  script: string;
  validate: boolean;
  /** Absolute directory whose packages a script may import besides its own. */
  resolveFrom?: string;
}

/** A command line that cannot be used. */
export class UsageError extends Error {
  override name = 'UsageError';
}

export const USAGE = 'usage: quarry-executor [--resolve-from DIR] [--validate] SCRIPT';

/** @throws UsageError */
export function parseArguments(args: string[], environment: Record<string, string | undefined>): Arguments {
  const words: string[] = [];
  let validate = false;
  let resolveFrom = environment.QUARRY_RESOLVE_FROM;
  for (let index = 0; index < args.length; index++) {
    const word = args[index];
    if (word === '--validate') validate = true;
    else if (word === '--resolve-from') {
      resolveFrom = args[++index] ?? missing('--resolve-from needs a directory');
    } else if (word === '--') words.push(...args.splice(index + 1));
    else if (word.startsWith('-')) throw new UsageError(`unknown option ${word}\n${USAGE}`);
    else words.push(word);
  }
  const [script, ...rest] = words;
  if (!script) missing('the path of a script is missing');
  if (rest.length > 0) throw new UsageError(`one script at a time; '${rest[0]}' is one too many\n${USAGE}`);
  return { script: resolve(script), validate, resolveFrom: resolveFrom ? resolve(resolveFrom) : undefined };
}

function missing(what: string): never {
  throw new UsageError(`${what}\n${USAGE}`);
}
