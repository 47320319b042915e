/** What keeps the runs of one process apart. */
export type Isolation =
  /** One run only. */
  | 'process'
  /** A script and its own modules are imported afresh for each run. */
  | 'module'
  /** A script is imported once, and again when its file has changed. */
  | 'none';

/** Of a process that serves more than one run. */
export type SharedIsolation = Exclude<Isolation, 'process'>;

export const ISOLATIONS: Isolation[] = ['process', 'module', 'none'];

/** A module with this behind its address is another one than the same file without it. */
export const MARK = /\?quarry-run=\d+/g;

/** The address of a module for one import of a script. */
export const marked = (url: string, number: number): string => `${url}?quarry-run=${number}`;

/** Text as it would be had each module its file's address. */
export const withoutMarks = (text: string): string => text.replaceAll(MARK, '');
