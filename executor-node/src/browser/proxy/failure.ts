/** How long a proxy may take to open a connection. */
export const ANSWER_TIMEOUT_MS = 20_000;

/** What a proxy did wrong, as the end of a sentence that begins with its name; never with a password. */
export class ProxyFailure extends Error {
  override name = 'ProxyFailure';

  static late(): ProxyFailure {
    return new ProxyFailure(`did not answer within ${ANSWER_TIMEOUT_MS / 1000} s`);
  }

  static refusesCredentials(how: string): ProxyFailure {
    return new ProxyFailure(`refuses the username and password (${how})`);
  }

  /** An HTTP status in place of a connection to `target`. */
  static ofStatus(status: number, target: string): ProxyFailure {
    if (status === 407) return ProxyFailure.refusesCredentials('407');
    return new ProxyFailure(`answers with ${status} where a connection to ${target} was asked for`);
  }
}

/** An error of the connection to the proxy, in our words. */
export function toFailure(error: Error): ProxyFailure {
  if (error instanceof ProxyFailure) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return new ProxyFailure('does not answer (ECONNREFUSED)');
  return new ProxyFailure(`cannot be used: ${error.message}`);
}
