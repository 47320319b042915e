import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import process from 'node:process';

/**
 * Whether the other end of a loopback connection belongs to this user. Linux says so in its table of connections,
 * which is the other end's line there: local address and owner.
 */
export function isOwn({ remotePort, localPort }: Socket, table = '/proc/net/tcp'): boolean {
  const other = `${loopback(remotePort)} ${loopback(localPort)} `;
  // The table is read in pieces while connections come and go; a line can slip through once.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const line = readFileSync(table, 'latin1').split('\n').find((entry) => entry.includes(other));
    if (line) return Number(line.trim().split(/\s+/)[7]) === process.getuid?.();
  }
  return false;
}

const loopback = (port = 0): string => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
