import type { HostReport } from '../../../sdk/src/index.ts';

/** What a run learned about one host at one moment, as `run_result` carries it. */
export interface HostNote extends HostReport {
  /** Milliseconds from asking to the head of the answer. */
  ms?: number;
}

const LIMIT = 256;

/** The newest notes about hosts, in the order they came. */
export class HostNotes {
  private notes: HostNote[] = [];

  add(note: HostNote): void {
    this.notes.push(note);
    if (this.notes.length > LIMIT) this.notes.shift();
  }

  /** Nothing rather than an empty list. */
  list(): HostNote[] | undefined {
    return this.notes.length > 0 ? this.notes : undefined;
  }
}
