import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

const BY_CODE: Record<string, (error: NodeJS.ErrnoException) => string | undefined> = {
  ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX: ({ message }) => `types are stripped, not compiled: ${instead(message)}`,
  ERR_IMPORT_ATTRIBUTE_MISSING: ({ message }) =>
    `write import … from '…/${basename(quoted(message))}' with { type: 'json' }`,
  ERR_MODULE_NOT_FOUND: (error) =>
    isRelative(error) ? wholeName(error) : 'packages are looked for beside the script and in --resolve-from',
  ERR_UNSUPPORTED_DIR_IMPORT: wholeName,
  ERR_UNKNOWN_FILE_EXTENSION: () => 'a script is a .ts, .mts, .js or .mjs file',
  ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING: () =>
    'TypeScript is not run inside node_modules: link the package as a workspace, or build it to JavaScript',
};

const BY_MESSAGE: [RegExp, string][] = [
  [/^require is not defined/, `a script is an ES module: write import … from '…'`],
  [
    /^(module|exports) is not defined/,
    'a script is an ES module: write export default async (ctx) => …',
  ],
  [/^__(dirname|filename) is not defined/, 'write import.meta.dirname or import.meta.filename'],
  [
    /Cannot use import statement outside a module|Unexpected token 'export'/,
    `a package.json above it says "type": "commonjs": write "type": "module" there, or name the file .mts or .mjs`,
  ],
  [/does not provide an export named/, 'a type? write import type'],
];

/** What to type instead, to stand behind the message of an error of loading a script; empty where nothing helps. */
export function loadHint(error: NodeJS.ErrnoException): string {
  const hint = (BY_CODE[error.code ?? ''] ?? byMessage)(error);
  return hint ? ` (${hint})` : '';
}

const byMessage = ({ message }: Error): string | undefined =>
  BY_MESSAGE.find(([pattern]) => pattern.test(message))?.[1];

function instead(message: string): string {
  if (/enum/.test(message)) {
    return `instead of an enum write const Color = { Red: 'red' } as const, or a union of strings`;
  }
  if (/namespace|module/.test(message)) {
    return 'instead of a namespace write a module of its own, or an object';
  }
  if (/parameter property/.test(message)) {
    return 'instead of a parameter property declare the field and assign it in the constructor';
  }
  if (/import equals|import =|export =/.test(message)) return 'write import … from and export default';
  return 'no enum, namespace or parameter property';
}

const quoted = (message: string): string => /"([^"]+)"/.exec(message)?.[1] ?? '';

const isRelative = (error: Error): boolean => /^Cannot find module '\//.test(error.message);

const ENDINGS = ['.ts', '.mts', '.js', '.mjs', '/index.ts', '/index.js'];

/** The file that was probably meant by an import of a name without its ending, or with the ending of its compiled form. */
function wholeName(error: NodeJS.ErrnoException): string | undefined {
  const { url } = error as { url?: string };
  if (!url?.startsWith('file:')) return undefined;
  const path = fileURLToPath(url).replace(/\/$/, '');
  const stem = path.replace(/\.(m?)js$/, '');
  const found = ENDINGS.flatMap((ending) => [path + ending, stem + ending]).find(isFile);
  if (!found) return undefined;
  const name = found.endsWith('/index.ts') || found.endsWith('/index.js')
    ? `${basename(stem)}/${basename(found)}`
    : basename(found);
  return `a relative import names the whole file: …/${name}`;
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
