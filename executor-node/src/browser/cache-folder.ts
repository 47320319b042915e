import process from 'node:process';

/**
 * Where compiled code is kept from process to process; undefined for nowhere. To be imported before the variable is
 * taken from what a script, and what it starts, can see.
 */
export const cacheFolder = process.env.NODE_COMPILE_CACHE;
