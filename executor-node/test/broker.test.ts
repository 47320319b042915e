import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { BrowserBroker, type BrowserServer } from '../src/browser/broker.ts';

/** A browser server that answers each connection with `answer`. */
const answering = (answer: (socket: Socket) => void): BrowserServer => ({
  serve: answer,
  answers: () => Promise.resolve(true),
  on: () => undefined,
  kill: () => Promise.resolve(),
});

test('what a browser says in one turn leaves at once, whole and in order', async (t) => {
  const held: number[] = [];
  const browser = answering((socket) => {
    for (const word of ['a', 'b', 'c']) socket.write(word);
    held.push(socket.writableCorked);
    setImmediate(() => setImmediate(() => held.push(socket.writableCorked)));
    setTimeout(() => socket.end('d'), 1);
  });
  const broker = new BrowserBroker({
    launch: () => Promise.resolve(browser),
    idleMs: 60_000,
    onError: (error) => assert.fail(error),
  });
  const { port, pathname } = new URL(await broker.listen());
  t.after(() => broker.close());
  const socket = connect(Number(port), '127.0.0.1', () => socket.write(`GET ${pathname} HTTP/1.1\r\n\r\n`));
  assert.equal(await text(socket), 'abcd');
  assert.deepEqual(held, [1, 0]);
});
