import type { Encoder } from './encoder.ts';

/** The head of an `artifact_chunk` frame; its `data`, of `size` bytes, follows right behind. */
export interface ChunkHead {
  artifact_id: string;
  /** From 1 for each artifact. */
  seq: number;
  is_last: boolean;
}

/** The head of a `file_write` frame. */
export interface FileHead {
  /** From 1; 0 asks for no ack. */
  write_id: number;
  filename: string;
  content_type: string;
}

export const encodeChunkHead = (
  encoder: Encoder,
  head: ChunkHead,
  size: number,
): void => encodeHead(encoder, { type: 'artifact_chunk', ...head }, size);

export const encodeFileHead = (
  encoder: Encoder,
  head: FileHead,
  size: number,
): void => encodeHead(encoder, { type: 'file_write', ...head }, size);

function encodeHead(
  encoder: Encoder,
  members: Record<string, unknown>,
  size: number,
): void {
  const entries = Object.entries(members);
  encoder.mapHead(entries.length + 1);
  for (const [key, value] of entries) {
    encoder.string(key);
    encoder.value(value);
  }
  encoder.string('data');
  encoder.binaryHead(size);
}
