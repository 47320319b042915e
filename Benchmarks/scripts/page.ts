// Opens one page of its own making and emits ten items from it.
import type { QuarryContext } from '../../sdk/src/index.ts';

export default async function page({ page, emit }: QuarryContext<object>): Promise<void> {
  await page.goto(`data:text/html,<ul>${'<li>Quiet Heron Lamp</li>'.repeat(10)}</ul>`);
  const names = await page.$$eval('li', (rows: Element[]) => rows.map((row) => row.textContent));
  for (const name of names) await emit.item({ item_type: 'product', data: { name } });
}
