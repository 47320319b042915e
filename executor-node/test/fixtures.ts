// Writes Tests/Fixtures/frames: byte files that the Swift and the TypeScript tests both read, and manifest.json, which
// says what is in them. Deterministic: running it again changes nothing.
//
//   node executor-node/test/fixtures.ts
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { broken } from './fixtures/broken.ts';
import type { Fixture, Made } from './fixtures/build.ts';
import { frames } from './fixtures/frames.ts';
import { values } from './fixtures/values.ts';

export type { Fixture };

export const FOLDER = join(import.meta.dirname ?? '.', '../../Tests/Fixtures/frames');

export const fixtures = (): Made[] => [...frames(), ...values(), ...broken()];

/** The text of manifest.json. */
export const manifest = (made: Made[]): string =>
  `[\n${made.map(({ bytes: _, ...shown }) => JSON.stringify(shown)).join(',\n')}\n]\n`;

if (import.meta.main) {
  mkdirSync(FOLDER, { recursive: true });
  const made = fixtures();
  for (const { file: name, bytes } of made) {
    writeFileSync(join(FOLDER, name), bytes);
  }
  writeFileSync(join(FOLDER, 'manifest.json'), manifest(made));
}
