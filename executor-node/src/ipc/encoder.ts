import { Buffer } from 'node:buffer';
import { EncodeError, pathStep } from './encode-error.ts';
import { plainForm } from './plain-form.ts';

const INITIAL_SIZE = 64 * 1024;
const LARGEST_KEPT = 1024 * 1024;
/** Deeper values are refused; every cycle is found by this bound. */
const DEPTH_LIMIT = 256;
const SHORT_STRING = 40;

/** Writes MessagePack, one value after another, into a buffer that grows. */
export class Encoder {
  private bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_SIZE);
  private taken = 0;
  private position = 0;

  /** Bytes written and not taken yet. */
  get length(): number {
    return this.position - this.taken;
  }

  /** What was written since the last `take`; stays valid while the encoder goes on behind it. */
  take(): Buffer {
    const piece = this.bytes.subarray(this.taken, this.position);
    this.taken = this.position;
    return piece;
  }

  /** Forgets everything that was taken; the caller no longer needs those pieces. */
  reuse(): void {
    if (this.length > 0) return;
    this.taken = this.position = 0;
    if (this.bytes.length > LARGEST_KEPT) {
      this.bytes = Buffer.allocUnsafeSlow(INITIAL_SIZE);
    }
  }

  /** Takes back what was written after the first `length` bytes that are not taken yet. */
  truncate(length: number): void {
    this.position = this.taken + length;
  }

  /** The bytes that are not taken yet, as they are now. */
  peek(from = 0): Buffer {
    return this.bytes.subarray(this.taken + from, this.position);
  }

  /** Leaves four bytes for a length that is not known yet; `patch` fills them. */
  reserve(): number {
    this.room(4);
    this.position += 4;
    return this.length;
  }

  /** Writes `value` into the four bytes in front of `mark`, which `reserve` returned. */
  patch(mark: number, value: number): void {
    this.bytes.writeUInt32BE(value, this.taken + mark - 4);
  }

  raw(data: Uint8Array): void {
    this.room(data.length);
    this.bytes.set(data, this.position);
    this.position += data.length;
  }

  mapHead(size: number): void {
    this.head(size, 0x80, 15, 0xde);
  }

  arrayHead(size: number): void {
    this.head(size, 0x90, 15, 0xdc);
  }

  binaryHead(size: number): void {
    this.room(5);
    if (size < 0x100) this.twoBytes(0xc4, size);
    else if (size < 0x10000) this.threeBytes(0xc5, size);
    else this.fiveBytes(0xc6, size);
  }

  nil(): void {
    this.byte(0xc0);
  }

  boolean(value: boolean): void {
    this.byte(value ? 0xc3 : 0xc2);
  }

  string(value: string): void {
    const count = value.length;
    this.room(count * 3 + 5);
    if (count <= SHORT_STRING && this.shortString(value, count)) return;
    // The head is sized for ASCII; text that turns out longer moves up once.
    const head = stringHeadSize(count);
    const written = this.bytes.write(value, this.position + head, 'utf8');
    const needed = stringHeadSize(written);
    if (needed !== head) {
      const start = this.position + head;
      this.bytes.copyWithin(this.position + needed, start, start + written);
    }
    if (needed === 1) this.bytes[this.position++] = 0xa0 | written;
    else if (needed === 2) this.twoBytes(0xd9, written);
    else if (needed === 3) this.threeBytes(0xda, written);
    else this.fiveBytes(0xdb, written);
    this.position += written;
  }

  /** Any finite number; integers up to 2^53 in the shortest integer form, all else as a 64-bit float. */
  number(value: number): void {
    if (Number.isSafeInteger(value)) return this.integer(value);
    if (!Number.isFinite(value)) {
      throw new EncodeError(`${value} is not a number that JSON can hold`);
    }
    this.room(9);
    this.bytes[this.position] = 0xcb;
    this.bytes.writeDoubleBE(value, this.position + 1);
    this.position += 9;
  }

  /** Any value of a payload; what has no plain form is refused. @throws EncodeError with the way to the value. */
  value(value: unknown, depth = 0): void {
    switch (typeof value) {
      case 'string':
        return this.string(value);
      case 'number':
        return this.number(value);
      case 'boolean':
        return this.boolean(value);
      case 'bigint':
        return this.bigint(value);
      case 'object':
        return value === null ? this.nil() : this.object(value, depth);
      default:
        throw new EncodeError(
          value === undefined ? 'undefined is no value' : `a ${typeof value} is no data`,
        );
    }
  }

  private object(value: object, depth: number): void {
    if (depth >= DEPTH_LIMIT) throw EncodeError.tooDeep(DEPTH_LIMIT);
    if (Array.isArray(value)) return this.array(value, depth);
    if (value instanceof Uint8Array) return this.binary(value);
    const plain = plainForm(value);
    if (plain === value) this.members(value as Record<string, unknown>, depth);
    else this.value(plain, depth + 1);
  }

  private binary(value: Uint8Array): void {
    this.binaryHead(value.length);
    this.raw(value);
  }

  private array(items: unknown[], depth: number): void {
    this.arrayHead(items.length);
    for (let index = 0; index < items.length; index++) {
      const item = items[index];
      if (item === undefined) this.nil();
      else this.at(index, item, depth);
    }
  }

  private members(value: Record<string, unknown>, depth: number): void {
    const keys = Object.keys(value);
    const values: unknown[] = [];
    let present = 0;
    for (const key of keys) {
      const member = value[key];
      values.push(member);
      if (member !== undefined) present++;
    }
    this.mapHead(present);
    for (let index = 0; index < keys.length; index++) {
      if (values[index] === undefined) continue;
      this.string(keys[index]);
      this.at(keys[index], values[index], depth);
    }
  }

  private at(step: string | number, value: unknown, depth: number): void {
    if (typeof value === 'string') return this.string(value);
    try {
      this.value(value, depth + 1);
    } catch (error) {
      throw error instanceof EncodeError ? error.below(pathStep(step)) : error;
    }
  }

  private bigint(value: bigint): void {
    if (
      value >= 0n ? value > 0xffff_ffff_ffff_ffffn : value < -0x8000_0000_0000_0000n
    ) {
      throw new EncodeError(
        `${value}n needs more than 64 bits; send it as a string`,
      );
    }
    this.room(9);
    this.bytes[this.position] = value < 0n ? 0xd3 : 0xcf;
    if (value < 0n) this.bytes.writeBigInt64BE(value, this.position + 1);
    else this.bytes.writeBigUInt64BE(value, this.position + 1);
    this.position += 9;
  }

  private integer(value: number): void {
    this.room(9);
    if (value >= 0) {
      if (value < 0x80) this.bytes[this.position++] = value;
      else if (value < 0x100) this.twoBytes(0xcc, value);
      else if (value < 0x10000) this.threeBytes(0xcd, value);
      else if (value < 0x1_0000_0000) this.fiveBytes(0xce, value);
      else this.eightBytes(0xcf, value);
    } else if (value >= -32) this.bytes[this.position++] = value & 0xff;
    else if (value >= -0x80) this.twoBytes(0xd0, value);
    else if (value >= -0x8000) this.threeBytes(0xd1, value);
    else if (value >= -0x8000_0000) this.fiveBytes(0xd2, value);
    else this.eightBytes(0xd3, value);
  }

  private shortString(value: string, count: number): boolean {
    const head = count < 32 ? 1 : 2;
    const start = this.position + head;
    for (let index = 0; index < count; index++) {
      const code = value.charCodeAt(index);
      if (code >= 0x80) return false;
      this.bytes[start + index] = code;
    }
    if (head === 1) this.bytes[this.position++] = 0xa0 | count;
    else this.twoBytes(0xd9, count);
    this.position += count;
    return true;
  }

  private head(
    size: number,
    small: number,
    smallLimit: number,
    wide: number,
  ): void {
    this.room(5);
    if (size <= smallLimit) this.bytes[this.position++] = small | size;
    else if (size < 0x10000) this.threeBytes(wide, size);
    else this.fiveBytes(wide + 1, size);
  }

  private byte(value: number): void {
    this.room(1);
    this.bytes[this.position++] = value;
  }

  private twoBytes(tag: number, value: number): void {
    this.bytes[this.position++] = tag;
    this.bytes[this.position++] = value & 0xff;
  }

  private threeBytes(tag: number, value: number): void {
    this.bytes[this.position++] = tag;
    this.bytes[this.position++] = (value >> 8) & 0xff;
    this.bytes[this.position++] = value & 0xff;
  }

  private fiveBytes(tag: number, value: number): void {
    this.bytes[this.position] = tag;
    this.bytes.writeUInt32BE(value >>> 0, this.position + 1);
    this.position += 5;
  }

  private eightBytes(tag: number, value: number): void {
    this.bytes[this.position] = tag;
    this.bytes.writeBigInt64BE(BigInt(value), this.position + 1);
    this.position += 9;
  }

  private room(size: number): void {
    if (this.position + size <= this.bytes.length) return;
    const waiting = this.bytes.subarray(this.taken, this.position);
    const grown = Buffer.allocUnsafeSlow(
      Math.max(INITIAL_SIZE, 2 * (waiting.length + size)),
    );
    grown.set(waiting);
    this.bytes = grown;
    this.position = waiting.length;
    this.taken = 0;
  }
}

const stringHeadSize = (bytes: number): number =>
  bytes < 32 ? 1 : bytes < 0x100 ? 2 : bytes < 0x10000 ? 3 : 5;
