import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** `file:line` of an error of loading a module, if it can be found; `url` is the module that was imported first. */
export function errorLocation(error: Error, url: string): string | undefined {
  return headLine(error.stack) ?? firstFrame(error) ??
    (error instanceof SyntaxError ? fromNode(url) : undefined);
}

/** Syntax errors of TypeScript and of linking carry their place above the message. */
function headLine(stack: string | undefined): string | undefined {
  const found = /^(file:\/\/\S+|\/\S.*):(\d+)$/m.exec(stack?.split('\n    at ')[0] ?? '');
  return found ? `${asPath(found[1])}:${found[2]}` : undefined;
}

/** What the module's own code threw carries its place in the first frame. */
function firstFrame(error: Error): string | undefined {
  const found = /\n {4}at (?:.*\()?(file:\/\/[^)\n]+):(\d+):\d+\)?(?:\n|$)/.exec(error.stack ?? '');
  const own = found && !(error instanceof SyntaxError) && !asPath(found[1]).startsWith(asPath(OWN));
  return own ? `${asPath(found[1])}:${found[2]}` : undefined;
}

const OWN = new URL('..', import.meta.url).href;

/** Node tells the place of a JavaScript syntax error only when nobody catches it. Nothing runs: parsing comes first. */
function fromNode(url: string): string | undefined {
  const { stderr } = spawnSync(process.execPath, [
    '--input-type=module',
    '--eval',
    `import ${JSON.stringify(url)}`,
  ], {
    encoding: 'utf8',
    timeout: 5000,
  });
  return headLine(stderr);
}

const asPath = (place: string): string => place.startsWith('file:') ? fileURLToPath(place) : place;
