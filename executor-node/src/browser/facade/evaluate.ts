/** Puppeteer's functions take any number of arguments, the embedded driver's one. */

/** For `evaluate` and its kin: what to call the driver's method with. */
export function pageFunction(fn: unknown, args: unknown[]): unknown[] {
  if (typeof fn !== 'function' || args.length <= 1) return [fn, ...args];
  return [withSource(`(all) => (${callable(fn)})(...all)`), args];
}

/** For `$eval` and `$$eval`, whose function gets the element before the arguments. */
export function elementFunction(fn: unknown, args: unknown[]): unknown[] {
  if (typeof fn !== 'function' || args.length <= 1) return [fn, ...args];
  return [withSource(`(element, all) => (${callable(fn)})(element, ...all)`), args];
}

/** The text of an immediate call with arguments that JSON can hold; a string is taken as it is. */
export function callText(fn: unknown, args: unknown[]): string {
  if (typeof fn !== 'function') return String(fn);
  return `(${callable(fn)})(${
    args.map((arg) => arg === undefined ? 'undefined' : JSON.stringify(arg)).join(', ')
  })`;
}

/** The driver sends a function as its text, so a function with another text stands for that text. */
function withSource(source: string): () => void {
  const stand = (): void => {};
  stand.toString = () => source;
  return stand;
}

/** Source that can stand where a call is made; methods lack the word `function`. */
function callable(fn: object): string {
  const source = fn.toString();
  if (parses(source)) return source;
  const asFunction = source.startsWith('async ') ? `async function ${source.slice(6)}` : `function ${source}`;
  if (parses(asFunction)) return asFunction;
  throw new Error('this function cannot be sent to the page: its source does not stand for itself');
}

function parses(source: string): boolean {
  try {
    new Function(`return (${source})`);
    return true;
  } catch {
    return false;
  }
}
