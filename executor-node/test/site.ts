import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const html = (body: string): Handler => (_, response) => {
  response.setHeader('content-type', 'text/html; charset=utf-8').end(
    `<!doctype html><title>T</title><body>${body}</body>`,
  );
};

const PAGES: Record<string, Handler> = {
  '/': html(`<h1>Shop</h1><a id="link" href="/next" aria-label="Next page">next</a>
    <ul><li class="p">one</li><li class="p">two</li></ul>
    <button onclick="document.title = 'clicked'">Press</button><input id="in"><input id="up" type="file">
    <select id="sel"><option value="a">A</option><option value="b">B</option></select>
    <div id="gone" style="display:none">hidden</div>
    <script>setTimeout(() => { const late = document.createElement('p'); late.id = 'late'; document.body.append(late); }, 100)</script>`),
  '/next': html('<h1>Next</h1>'),
  '/agent': (request, response) => response.end(request.headers['user-agent']),
  '/cookies': (request, response) => response.end(request.headers.cookie ?? ''),
  '/limited': (_, response) => response.writeHead(429, { 'retry-after': '7' }).end('slow down'),
  '/moved': (_, response) => response.writeHead(302, { location: '/next' }).end(),
  '/private': (request, response) => {
    if (request.headers.authorization === `Basic ${btoa('user:word')}`) response.end('let in');
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
  },
  '/polls': html(`<script>fetch('/forever'); fetch('/next').then(() => document.title = 'fetched')</script>`),
  '/forever': () => {},
  '/image.png': (_, response) => response.setHeader('content-type', 'image/png').end(),
  '/with-image': html('<img src="/image.png">'),
};

/** A small site on loopback; resolves to its address without a slash at the end. */
export async function startSite(t: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    const handler = PAGES[new URL(request.url ?? '/', 'http://x').pathname];
    if (handler) handler(request, response);
    else response.writeHead(404).end('not here');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
