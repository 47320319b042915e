import type { Buffer } from 'node:buffer';

/** Longest JSON form that one byte of MessagePack can take: `false` and a comma, or a control character as `\u0000`. */
const LARGEST_GROWTH = 6;

/** False only when the value's JSON text is certainly shorter than `limit` bytes; costs nothing. */
export const mayReach = (bytes: Buffer, limit: number): boolean => bytes.length * LARGEST_GROWTH >= limit;

/**
 * Length in bytes of the JSON text of a well-formed MessagePack value, commas and colons included: exact for text and
 * binary, an upper bound for numbers.
 */
export function jsonLength(bytes: Buffer): number {
  let total = 0;
  let position = 0;
  const text = (start: number, size: number): void => {
    total += 3;
    for (let index = start; index < start + size; index++) {
      total += escapedLength(bytes[index]);
    }
    position = start + size;
  };
  const token = (length: number, width: number): void => {
    total += length + 1;
    position += 1 + width;
  };
  const sized = (width: number): number => bytes.readUIntBE(position + 1, width);
  while (position < bytes.length) {
    const tag = bytes[position];
    if (tag < 0x80 || tag >= 0xe0) token(3, 0);
    else if (tag < 0xa0) token(2, 0);
    else if (tag < 0xc0) text(position + 1, tag & 31);
    else if (tag <= 0xc3) token(5, 0);
    else if (tag <= 0xc6) {
      const width = 1 << (tag - 0xc4);
      const size = sized(width);
      token(2 + 4 * Math.ceil(size / 3), width + size);
    } else if (tag <= 0xcb) token(25, tag === 0xca ? 4 : 8);
    else if (tag <= 0xd3) token(20, 1 << ((tag - 0xcc) & 3));
    else if (tag <= 0xdb) {
      const width = 1 << (tag - 0xd9);
      text(position + 1 + width, sized(width));
    } else token(2, tag & 1 ? 4 : 2);
  }
  return total;
}

function escapedLength(byte: number): number {
  if (byte >= 0x20) return byte === 0x22 || byte === 0x5c ? 2 : 1;
  return byte === 0x0a || byte === 0x0d || byte === 0x09 ? 2 : 6;
}
