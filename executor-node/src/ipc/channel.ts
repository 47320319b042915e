import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';

/** Where frames leave the process: a pipe, a file or a socket. */
export interface Channel {
  /** Writes what fits now and returns how many bytes that was; 0 when nothing fits. @throws when nobody reads. */
  write(bytes: Uint8Array, offset: number): number;
}

/**
 * Opens the frames' channel over file descriptor `fd`. A pipe is opened once more, so that it can be made non-blocking
 * without touching whoever else holds it; `fd` itself is then closed if it is none of the standard three.
 */
export function openChannel(fd: number): Channel {
  const own = fstatSync(fd).isFIFO() ? reopened(fd) : fd;
  return { write: (bytes, offset) => writeNow(own, bytes, offset) };
}

function reopened(fd: number): number {
  const own = openSync(
    `/proc/self/fd/${fd}`,
    constants.O_WRONLY | constants.O_NONBLOCK,
  );
  if (fd > 2) closeSync(fd);
  return own;
}

function writeNow(fd: number, bytes: Uint8Array, offset: number): number {
  try {
    return writeSync(fd, bytes, offset);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw error;
  }
}
