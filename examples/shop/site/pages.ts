// The shop's pages as HTML, and its product pictures as SVG.
import { productsPerPage } from './catalogue.ts';
import type { Catalogue, Product } from './catalogue.ts';

type Category = Catalogue['categories'][number];

const style = 'body{font:16px sans-serif;margin:2rem;color:#223}a{color:#157}article{display:flex;gap:2rem}' +
  'ul{columns:2}.price{font-weight:bold}img{border:1px solid #ccd}';

function layout(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title} – Quarry's shop</title>` +
    `<style>${style}</style><h1>${title}</h1>${body}</html>`;
}

export function frontPage(catalogue: Catalogue): string {
  const links = catalogue.categories
    .filter((category) => category.pages > 0)
    .map((category) =>
      `<li><a class="category" href="/category/${category.slug}/1">${category.title}</a></li>`
    );
  return layout('Everything for the house', `<ul>${links.join('')}</ul>`);
}

export function listPage(category: Category, page: number): string {
  const shown = category.products.slice((page - 1) * productsPerPage, page * productsPerPage);
  const links = shown.map((product) =>
    `<li><a class="product" href="${product.path}">${product.name}</a></li>`
  );
  const next = page < category.pages
    ? `<a rel="next" href="/category/${category.slug}/${page + 1}">Next page</a>`
    : '';
  return layout(`${category.title}, page ${page} of ${category.pages}`, `<ul>${links.join('')}</ul>${next}`);
}

export function productPage(product: Product): string {
  const price = `${Math.floor(product.price_cents / 100)}.${
    String(product.price_cents % 100).padStart(2, '0')
  }`;
  return layout(
    product.name,
    `<article data-sku="${product.sku}" data-category="${product.category}">` +
      `<img src="/picture/${product.sku}.svg" alt="" width="160" height="160">` +
      `<div><p class="price" data-currency="${product.currency}">${price}</p>` +
      `<p class="stock">${product.in_stock ? 'In stock' : 'Sold out'}</p>` +
      `<p class="rating">${(product.rating / 10).toFixed(1)} of 5</p></div></article>`,
  );
}

export function picture(product: Product): string {
  const hue = (product.price_cents * 7) % 360;
  const radius = 20 + product.rating;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 160">` +
    `<rect width="160" height="160" fill="hsl(${hue} 40% 90%)"/>` +
    `<circle cx="80" cy="80" r="${radius}" fill="hsl(${hue} 60% 50%)"/></svg>`;
}
