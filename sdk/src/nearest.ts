/** The name among `known` that somebody who wrote `word` most likely meant, whether spelt `likeThis` or `like_this`. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const meant = known.map((name) => ({ name, distance: distance(plain(word), plain(name)) }))
    .filter(({ name, distance }) => distance <= Math.min(2, Math.max(1, Math.floor(plain(name).length / 3))))
    .sort((a, b) => a.distance - b.distance);
  return meant[0]?.name;
}

const plain = (name: string): string => name.replace(/_/g, '').toLowerCase();

/** Letters to insert, delete or replace to make one word of the other. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [line, letter] of [...from].entries()) {
    const next = [line + 1];
    for (let column = 0; column < to.length; column++) {
      const replaced = row[column] + (letter === to[column] ? 0 : 1);
      next.push(Math.min(replaced, row[column + 1] + 1, next[column] + 1));
    }
    row = next;
  }
  return row[to.length];
}
