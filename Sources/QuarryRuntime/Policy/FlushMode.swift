/// What a flush that fails halfway leaves for the next one (`--flush-mode`). A flush writes chunks, then events.
package enum FlushMode: String, Sendable, CaseIterable {
  /// All of it: chunks that were written before the events failed are written again.
  case atLeastOnce = "at_least_once"
  /// What was not written; later records join it.
  case chunksFirst = "chunks_first"
  /// What was not written, unchanged: later records wait in a second buffer until it is stored.
  case twoPhase = "two_phase"
}
