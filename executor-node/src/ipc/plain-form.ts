import { EncodeError } from './encode-error.ts';

/**
 * What an object that is neither an array nor bytes becomes in a payload: itself when its own members are its data,
 * else something simpler. `Date` and whatever has `toJSON` follow JSON; a `Map` with string keys is a map, a `Set` an
 * array, an `Error` its name, message and stack. What would silently become `{}` is refused.
 */
export function plainForm(value: object): unknown {
  const prototype = Object.getPrototypeOf(value);
  if (
    (prototype === Object.prototype || prototype === null) &&
    !('toJSON' in value)
  ) return value;
  if (value instanceof Date) return dateText(value);
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') {
    return fromJSONForm(value);
  }
  if (value instanceof Map) return mapMembers(value);
  if (value instanceof Set) return [...value];
  if (value instanceof Error) return errorMembers(value);
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    return new Uint8Array(value);
  }
  if (ArrayBuffer.isView(value)) return viewForm(value);
  if (
    value instanceof Number || value instanceof String ||
    value instanceof Boolean
  ) return value.valueOf();
  if (value instanceof Promise) {
    throw new EncodeError('is a Promise; await it first');
  }
  if (
    value instanceof WeakMap || value instanceof WeakSet ||
    value instanceof RegExp
  ) {
    throw new EncodeError(`a ${value.constructor.name} is no data`);
  }
  return value;
}

function fromJSONForm(value: object): unknown {
  const plain = (value as { toJSON(): unknown }).toJSON();
  if (plain === value) throw new EncodeError('its toJSON returns itself');
  return plain === undefined ? null : plain;
}

function dateText(value: Date): string {
  if (Number.isNaN(value.getTime())) throw new EncodeError('an invalid Date');
  return value.toISOString();
}

function mapMembers(value: Map<unknown, unknown>): Record<string, unknown> {
  const members: Record<string, unknown> = Object.create(null);
  for (const [key, member] of value) {
    if (typeof key !== 'string') {
      throw new EncodeError('a Map with keys that are not strings');
    }
    members[key] = member;
  }
  return members;
}

function errorMembers(error: Error): Record<string, unknown> {
  return {
    ...error,
    name: error.name,
    message: error.message,
    stack: error.stack,
  };
}

function viewForm(view: ArrayBufferView): unknown {
  if (view instanceof DataView || view instanceof Uint8ClampedArray) {
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  }
  return Array.from(view as unknown as ArrayLike<number | bigint>);
}
