import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface ResolveOptions {
  /** Directory whose packages are tried after the importing file's own. */
  resolveFrom?: string;
  /** Packages that are the executor's own even where they are installed, by name, with the URL of each. */
  own: Record<string, () => string>;
  /** Names of packages that may be missing, and the URL of what then stands in for each. */
  standIns: Record<string, () => string>;
}

/**
 * Lets scripts import packages of `resolveFrom`, and packages that nobody installed but this executor can stand in
 * for. What resolves by itself stays as it is, but for the executor's own.
 */
export function registerResolution({ resolveFrom, own, standIns }: ResolveOptions): void {
  const base = resolveFrom && pathToFileURL(join(resolveFrom, 'package.json')).href;
  registerHooks({
    resolve(specifier, context, next) {
      if (Object.hasOwn(own, specifier)) return next(own[specifier](), context);
      try {
        return next(specifier, context);
      } catch (error) {
        if (!isMissingPackage(specifier, error)) throw error;
        if (base) {
          try {
            return next(specifier, { ...context, parentURL: base });
          } catch {
            // The first error names the importing file.
          }
        }
        if (Object.hasOwn(standIns, specifier)) return next(standIns[specifier](), context);
        throw error;
      }
    },
  });
}

function isMissingPackage(specifier: string, error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') &&
    /^(@[\w.-]+\/)?[\w.-]+/.test(specifier) &&
    !specifier.startsWith('.') && !specifier.includes(':');
}
