import process from 'node:process';

/** What a terminal would obey instead of showing it; lines and tabs stay. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** One line, or some, for whoever reads the executor's stderr. Control characters are written as `\u0000`. */
export function report(text: string): void {
  process.stderr.write(`quarry-executor: ${visible(text)}\n`);
}

const visible = (text: string): string =>
  text.replace(CONTROL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
