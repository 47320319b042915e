// Emits `count` small items; touches no browser.
import type { QuarryContext } from '../../sdk/src/index.ts';

export const config = { browser: false };

export default async function items({ job, emit }: QuarryContext<{ count: number }>): Promise<void> {
  for (let index = 0; index < job.count; index++) {
    await emit.item({
      item_type: 'product',
      data: {
        sku: `Q${index}`,
        name: 'Quiet Heron Lamp',
        price_cents: 1999 + index,
        tags: ['a', 'b'],
        in_stock: true,
      },
    });
  }
}
