// Serves the demo shop on loopback. As a program:
//
//   node server.ts [--products 200] [--port 0] [--slow-ms 2500]
//
// prints one line {"url": "http://127.0.0.1:PORT"} when it listens, and ends when its standard input does.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { makeCatalogue } from './catalogue.ts';
import type { Catalogue, Product } from './catalogue.ts';
import { frontPage, listPage, picture, productPage } from './pages.ts';

export interface Shop {
  url: string;
  server: Server;
}

export async function startShop(
  catalogue: Catalogue,
  options: { port?: number; slowMs?: number; latencyMs?: number } = {},
): Promise<Shop> {
  const products = new Map(catalogue.categories.flatMap((c) => c.products).map((p) => [p.sku, p]));
  const seen = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://shop').pathname;
    const visits = (seen.get(path) ?? 0) + 1;
    seen.set(path, visits);
    const reply = (): void =>
      answer(catalogue, products, path, visits, options.slowMs ?? 2500, request, response);
    if (options.latencyMs === undefined) reply();
    else setTimeout(reply, options.latencyMs);
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

function answer(
  catalogue: Catalogue,
  products: Map<string, Product>,
  path: string,
  visits: number,
  slowMs: number,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const send = (status: number, type: string, body: string, headers = {}): void => {
    response.writeHead(status, { 'content-type': type, ...headers }).end(body);
  };
  switch (catalogue.trouble.get(path)) {
    case 'broken':
      return send(500, 'text/plain', 'out of order');
    case 'fails-once':
      if (visits === 1) return send(500, 'text/plain', 'try again');
      break;
    case 'busy-once':
      if (visits === 1) return send(503, 'text/plain', 'busy', { 'retry-after': '1' });
      break;
    case 'slow': {
      const timer = setTimeout(
        () => send(200, 'text/html; charset=utf-8', page(catalogue, products, path) ?? ''),
        slowMs,
      );
      request.on('close', () => clearTimeout(timer));
      return;
    }
  }
  const sku = /^\/picture\/(\w+)\.svg$/.exec(path)?.[1];
  const product = sku === undefined ? undefined : products.get(sku);
  if (product) return send(200, 'image/svg+xml', picture(product));
  const html = page(catalogue, products, path);
  if (html === undefined) return send(404, 'text/plain', 'no such page');
  send(200, 'text/html; charset=utf-8', html);
}

function page(catalogue: Catalogue, products: Map<string, Product>, path: string): string | undefined {
  if (path === '/') return frontPage(catalogue);
  const [, kind, name, number] = path.split('/');
  if (kind === 'product') {
    const product = products.get(name);
    return product && productPage(product);
  }
  const category = catalogue.categories.find((candidate) => candidate.slug === name);
  const index = Number(number);
  if (kind !== 'category' || !category || !(index >= 1 && index <= category.pages)) return undefined;
  return listPage(category, index);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      products: { type: 'string', default: '200' },
      port: { type: 'string', default: '0' },
      'slow-ms': { type: 'string', default: '2500' },
    },
  });
  const shop = await startShop(makeCatalogue(Number(values.products)), {
    port: Number(values.port),
    slowMs: Number(values['slow-ms']),
  });
  process.stdout.write(JSON.stringify({ url: shop.url }) + '\n');
  process.stdin.resume().once('end', () => process.exit(0));
}
