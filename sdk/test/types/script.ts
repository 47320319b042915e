// Never run: the type checker reads it, and an error that does not come where one is expected is an error.
import {
  type BatcherOptions,
  createBatcher,
  createStorageBatcher,
  type DriverPage,
  type Hooks,
  type JobProxyRequest,
  type MemorySnapshot,
  type PrepareResult,
  type ProxyPool,
  type QuarryContext,
  redactProxyEndpoint,
  type RunInfo,
  type Script,
  type ScriptConfig,
  type TerminalSignal,
  validateProxyEndpoint,
  validateProxyPool,
} from '../../src/index.ts';
import { type Equal, holds } from './equal.ts';

interface Job {
  url: string;
  page?: number;
}

interface Product {
  name: string;
  length: number;
}

declare const ctx: QuarryContext<Job>;
declare const product: Product;

// The job has its type, and is not the script's to replace.
holds<Equal<typeof ctx.job, Job>>();
// @ts-expect-error no such member
ctx.job.link;
// @ts-expect-error read only
ctx.job = { url: '' };
holds<Equal<QuarryContext['job'], any>>();
holds<Equal<typeof ctx.run, RunInfo>>();
// @ts-expect-error read only
ctx.run.attempt = 2;

// Without a Puppeteer beside it the browser's objects are `any`; types that are given hold.
holds<Equal<typeof ctx.page, any>>();
holds<Equal<DriverPage, any>>();
interface OwnPage {
  goto(url: string): Promise<void>;
}
declare const own: QuarryContext<Job, OwnPage, { version(): string }>;
holds<Equal<typeof own.page, OwnPage>>();
holds<Equal<ReturnType<typeof own.browser.version>, string>>();
// @ts-expect-error not a member of OwnPage
own.page.click('a');

// Payloads: literals and values of the user's own types, not lists.
const { emit } = ctx;
await emit.item({ item_type: 'product', data: product });
await emit.item({ item_type: 'product', data: { name: 'a', any: [1, new Date()] } });
await emit.item<Product>({ item_type: 'product', data: { name: 'a', length: 1 } });
// @ts-expect-error length is missing
await emit.item<Product>({ item_type: 'product', data: { name: 'a' } });
// @ts-expect-error data is missing
await emit.item({ item_type: 'product' });
// @ts-expect-error a list is no object
await emit.item({ item_type: 'product', data: [product] });
// @ts-expect-error text is no object
await emit.item({ item_type: 'product', data: 'text' });
holds<Equal<Awaited<ReturnType<typeof emit.artifact>>, string>>();
await emit.artifact({ name: 'a.png', content_type: 'image/png', data: new Uint8Array() });
await emit.artifact({ name: 'a.txt', content_type: 'text/plain', data: 'text' });
// @ts-expect-error snake_case, as stored
await emit.artifact({ name: 'a.png', contentType: 'image/png', data: '' });
await emit.checkpoint({ checkpoint_id: 'c', note: 'n' });
await emit.enqueue({ target: 'b.ts', params: { url: '' }, options: { lane: 'high', delay_ms: 5 } });
await emit.enqueue<Job>({ target: 'b.ts', params: { url: '' } });
// @ts-expect-error url is missing
await emit.enqueue<Job>({ target: 'b.ts', params: { page: 1 } });
// @ts-expect-error no such lane
await emit.enqueue({ target: 'b.ts', params: {}, options: { lane: 'fast' } });
await emit.rotateProxy();
await emit.rotateProxy({ reason: 'slow' });
await emit.info('message');
await emit.warn('message', { n: 1 });
// @ts-expect-error no such level
await emit.log({ level: 'fatal', message: '' });
await emit.runComplete();
await emit.runComplete({ summary: { product } });
await emit.runError({ error_type: 'blocked', message: '' });
// @ts-expect-error message is missing
await emit.runError({ error_type: 'blocked' });
await emit.hostReport({ host: 'shop.test', status: 429, retry_after_ms: 1000, crawl_delay_ms: 0 });

// Files, batchers, memory.
holds<Equal<Awaited<ReturnType<typeof ctx.storage.put>>['key'], string>>();
// @ts-expect-error content_type is missing
await ctx.storage.put({ filename: 'a', data: '' });
const batcher = createBatcher<Product>(emit, { size: 10, target: 'b.ts' });
await batcher.add(product);
// @ts-expect-error not a Product
await batcher.add({ name: 'a' });
holds<Equal<typeof batcher.pending, number>>();
// @ts-expect-error target is missing
export const options: BatcherOptions = { size: 10 };
const files = createStorageBatcher(ctx.storage, { concurrency: 4 });
holds<Equal<Awaited<ReturnType<typeof files.add>['result']>['key'], string>>();
const snapshot: MemorySnapshot = await ctx.memory.snapshot({ browser: false, thresholds: { high: 0.6 } });
holds<Equal<typeof snapshot.pressure, 'low' | 'moderate' | 'high' | 'critical'>>();
holds<Equal<ReturnType<typeof snapshot.isAbove>, boolean>>();
holds<Equal<typeof snapshot.node.ratio, number>>();
// @ts-expect-error perhaps there is no page
snapshot.browser.used;

// Hooks as a user writes them.
export const prepare: Hooks<Job>['prepare'] = (job) =>
  job.url === '' ? { action: 'skip', reason: 'no url' } : { action: 'continue', job: { ...job, page: 1 } };
export function prepared(job: Job, _run: RunInfo): PrepareResult<Job> {
  return { action: 'continue', job };
}
// @ts-expect-error no such action
export const wrongly: Hooks<Job>['prepare'] = () => ({ action: 'stop' });
export const beforeTerminal: Hooks<Job>['beforeTerminal'] = async (signal, { emit }) => {
  if (signal.outcome === 'error') await emit.warn(signal.error.message);
  // @ts-expect-error there is an error only then
  else signal.error;
};
holds<Equal<TerminalSignal['outcome'], 'completed' | 'error'>>();
export const config: ScriptConfig = { browser: false };
export default (async ({ job, emit }) => {
  holds<Equal<typeof job, Job>>();
  await emit.info(job.url);
}) satisfies Script<Job>;

// Proxies: camelCase here, snake_case on the wire.
const pool: ProxyPool = {
  name: 'p',
  strategy: 'sticky',
  endpoints: [{ protocol: 'socks5', host: 'h', port: 1080, username: 'u', password: 'w' }],
  sticky: { scope: 'domain', ttlMs: 1000 },
  recencyWindow: 2,
};
holds<Equal<ReturnType<typeof validateProxyPool>['errors'], string[]>>();
validateProxyEndpoint(pool.endpoints[0]).warnings.join();
// @ts-expect-error no password is left
redactProxyEndpoint(pool.endpoints[0]).password;
// What a job asks for is spelt as on the wire too.
holds<Equal<JobProxyRequest['pool'], string>>();
export const asked: JobProxyRequest[] = [
  { pool: 'p', strategy: 'sticky', stickyKey: 'account' },
  { pool: 'p', sticky_key: 'account' },
  { pool: 'p' },
];
// @ts-expect-error no such member
export const slip: JobProxyRequest = { pool: 'p', sticky_kye: 'account' };
// @ts-expect-error no such protocol
pool.endpoints[0].protocol = 'ftp';
