/** Limits of the IPC contract, in bytes. */

/** A whole frame: four bytes of length and the payload. */
export const FRAME_LIMIT = 16 * 1024 * 1024;
/** The payload of a frame. */
export const PAYLOAD_LIMIT = FRAME_LIMIT - 4;
/** Raw bytes of one `artifact_chunk` or `file_write`. */
export const DATA_LIMIT = 8 * 1024 * 1024;
/** What this executor puts into one chunk: the runtime holds a chunk of each run whole. */
export const CHUNK_SIZE = 1024 * 1024;
/** A stored JSON line must be shorter than this. */
export const LINE_LIMIT = 10 * 1024 * 1024;
