import { Buffer } from 'node:buffer';
import process from 'node:process';

// Held from before any script: what a script has replaced must not decide whether it has.
const { get, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;

/** Those whose own functions and prototypes are compared. Node makes others, at some cost, when they are first named. */
const OBJECTS =
  'AbortController AbortSignal AggregateError Array ArrayBuffer Atomics BigInt Boolean DataView Date Error Event EventTarget ' +
  'FinalizationRegistry Function Intl Iterator JSON Map Math Number Object Promise Proxy RangeError Reflect RegExp Set ' +
  'String Symbol SyntaxError TextDecoder TextEncoder TypeError URL URLSearchParams Uint8Array WeakMap WeakRef WeakSet console';

/** Global functions. */
const FUNCTIONS =
  'atob btoa clearImmediate clearInterval clearTimeout decodeURI decodeURIComponent encodeURI encodeURIComponent fetch ' +
  'isFinite isNaN parseFloat parseInt queueMicrotask setImmediate setInterval setTimeout structuredClone';

type Key = string | symbol;

/** An object that all code of the process shares, as it was. */
interface Shared {
  name: string;
  object: object;
  keys: Key[];
  members: { key: Key; was: PropertyDescriptor }[];
}

/** The functions of the language and of Node that scripts find under global names, as they were when this was made. */
export class BuiltIns {
  private readonly all: Shared[] = [];

  constructor() {
    const objects = OBJECTS.split(' ');
    this.all.push(shared('', globalThis, [...objects, ...FUNCTIONS.split(' ')]));
    for (const name of objects) this.add(name, get(globalThis, name));
    this.add('TypedArray', getPrototypeOf(Uint8Array) as object);
    this.add('Buffer', Buffer);
  }

  /**
   * The first that is another, gone or new, such as `Array.prototype.last`; undefined when all are as they were. Does
   * without methods and iterators, which may be what has changed.
   */
  change(): string | undefined {
    // Behind a getter and a setter, which stay the same.
    if (get(globalThis, 'Buffer') !== Buffer) return 'Buffer';
    if (get(globalThis, 'process') !== process) return 'process';
    for (let index = 0; index < this.all.length; index++) {
      const changed = changedMember(this.all[index]);
      if (changed !== undefined) return changed;
    }
    return undefined;
  }

  private add(name: string, object: object): void {
    this.all.push(shared(name, object, ownKeys(object)));
    const prototype = getOwnPropertyDescriptor(object, 'prototype')?.value;
    if (prototype) this.all.push(shared(`${name}.prototype`, prototype, ownKeys(prototype)));
  }
}

function shared(name: string, object: object, keys: Key[]): Shared {
  const members = keys.flatMap((key) => {
    const was = getOwnPropertyDescriptor(object, key);
    // A number or a text may change by itself, as the depth of `console.group` does.
    return was && (was.get || was.set || typeof was.value === 'function' || object === globalThis)
      ? { key, was }
      : [];
  });
  return { name, object, keys, members };
}

function changedMember({ name, object, keys, members }: Shared): string | undefined {
  for (let index = 0; index < members.length; index++) {
    const { key, was } = members[index];
    const now = getOwnPropertyDescriptor(object, key);
    if (now?.value !== was.value || now?.get !== was.get || now?.set !== was.set) {
      return memberName(name, key);
    }
  }
  // New globals are looked for elsewhere: some of them are Node's or a driver's.
  if (object === globalThis) return undefined;
  const now = ownKeys(object);
  for (let index = 0; index < now.length; index++) {
    // Members keep their order, and a new one is the last.
    if (now[index] !== keys[index]) return memberName(name, now[index]);
  }
  return undefined;
}

const memberName = (name: string, key: Key): string =>
  typeof key === 'symbol' ? `a member of ${name}` : name === '' ? key : `${name}.${key}`;
