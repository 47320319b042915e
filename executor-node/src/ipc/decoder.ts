import { Buffer } from 'node:buffer';

/** Bytes that are no MessagePack value, or hold one that this side has no use for. */
export class DecodeError extends Error {
  override name = 'DecodeError';
}

const DEPTH_LIMIT = 256;

/**
 * Reads one MessagePack value that fills `bytes` exactly. Integers outside ±2^53 become `bigint`, binary a `Buffer`
 * over the same memory, an extension `{ext, data}`; invalid UTF-8 becomes U+FFFD.
 * @throws DecodeError for anything else; never reads outside `bytes`.
 */
export function decode(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (!reader.atEnd) throw new DecodeError('bytes are left after the value');
  return value;
}

class Reader {
  private readonly bytes: Buffer;
  private position = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.position === this.bytes.length;
  }

  value(depth: number): unknown {
    if (depth > DEPTH_LIMIT) {
      throw new DecodeError(`nested deeper than ${DEPTH_LIMIT} levels`);
    }
    const tag = this.bytes[this.skip(1)];
    if (tag < 0x80) return tag;
    if (tag < 0x90) return this.map(tag & 15, depth);
    if (tag < 0xa0) return this.array(tag & 15, depth);
    if (tag < 0xc0) return this.text(tag & 31);
    if (tag >= 0xe0) return tag - 0x100;
    return this.tagged(tag, depth);
  }

  private tagged(tag: number, depth: number): unknown {
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.data(this.unsigned(1 << (tag - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.extension(this.unsigned(1 << (tag - 0xc7)));
      case 0xca:
        return this.bytes.readFloatBE(this.skip(4));
      case 0xcb:
        return this.bytes.readDoubleBE(this.skip(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.unsigned(1 << (tag - 0xcc));
      case 0xcf:
        return narrowed(this.bytes.readBigUInt64BE(this.skip(8)));
      case 0xd0:
        return this.bytes.readInt8(this.skip(1));
      case 0xd1:
        return this.bytes.readInt16BE(this.skip(2));
      case 0xd2:
        return this.bytes.readInt32BE(this.skip(4));
      case 0xd3:
        return narrowed(this.bytes.readBigInt64BE(this.skip(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.extension(1 << (tag - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.text(this.unsigned(1 << (tag - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.array(this.unsigned(2 << (tag - 0xdc)), depth);
      case 0xde:
      case 0xdf:
        return this.map(this.unsigned(2 << (tag - 0xde)), depth);
      default:
        throw new DecodeError(`0x${tag.toString(16)} begins no value`);
    }
  }

  private map(size: number, depth: number): Record<string, unknown> {
    this.expect(2 * size);
    const members: Record<string, unknown> = {};
    for (let index = 0; index < size; index++) {
      const key = this.value(depth + 1);
      if (typeof key !== 'string') {
        throw new DecodeError('a map key that is not a string');
      }
      // Defined, not assigned: `__proto__` is a key like any other.
      Object.defineProperty(members, key, {
        value: this.value(depth + 1),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    return members;
  }

  private array(size: number, depth: number): unknown[] {
    this.expect(size);
    return Array.from({ length: size }, () => this.value(depth + 1));
  }

  private text(size: number): string {
    const start = this.skip(size);
    return this.bytes.toString('utf8', start, start + size);
  }

  private data(size: number): Buffer {
    const start = this.skip(size);
    return this.bytes.subarray(start, start + size);
  }

  private extension(size: number): { ext: number; data: Buffer } {
    return { ext: this.bytes.readInt8(this.skip(1)), data: this.data(size) };
  }

  private unsigned(size: number): number {
    return this.bytes.readUIntBE(this.skip(size), size);
  }

  /** A value takes at least a byte, so a count beyond what is left is refused before anything is made for it. */
  private expect(values: number): void {
    if (values > this.bytes.length - this.position) {
      throw new DecodeError('truncated');
    }
  }

  private skip(size: number): number {
    const start = this.position;
    if (size > this.bytes.length - start) throw new DecodeError('truncated');
    this.position += size;
    return start;
  }
}

const narrowed = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) &&
    value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;
