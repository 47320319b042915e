import { toError } from '../errors.ts';
import { loadScript } from './load.ts';

/** What `--validate` prints. */
export type Validation =
  | { valid: true; exports: { default: true; hooks: string[] } }
  | { valid: false; error: string };

export async function validateScript(path: string): Promise<Validation> {
  try {
    const { hookNames } = await loadScript(path);
    return { valid: true, exports: { default: true, hooks: hookNames } };
  } catch (error) {
    return { valid: false, error: toError(error).message };
  }
}
