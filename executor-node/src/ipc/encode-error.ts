/** A value that cannot be sent; `message` begins with the way to it, such as `data.prices[2]: …`. */
export class EncodeError extends Error {
  private way = '';
  private readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.name = 'EncodeError';
    this.reason = reason;
  }

  static tooDeep(limit: number): EncodeError {
    return new EncodeError(
      `refers to itself, or is nested deeper than ${limit} levels`,
    );
  }

  /** The same error, seen from one level further out. */
  below(step: string): EncodeError {
    this.way = step + (this.way === '' || this.way.startsWith('[') ? '' : '.') +
      this.way;
    this.message = `${shortened(this.way)}: ${this.reason}`;
    return this;
  }
}

/** One step of the way, as one would write it in a script. */
export function pathStep(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`;
  return /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(key) ? key : `[${JSON.stringify(key)}]`;
}

const shortened = (way: string): string => way.length <= 120 ? way : `${way.slice(0, 100)}…${way.slice(-16)}`;
