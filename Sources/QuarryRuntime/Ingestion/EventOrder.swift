import QuarryCore
import QuarryWire

/// Whether the next event may follow those that came: the run's own, and one further in `seq`.
struct EventOrder {
  private let runID: [UInt8]
  private let attempt: Int64
  private(set) var lastSeq: Int64 = 0

  init(_ identity: RunIdentity) {
    runID = Array(identity.runID.utf8)
    attempt = Int64(identity.attempt)
  }

  mutating func admit(runID: WireText, attempt: Int64, seq: Int64) throws(IngestionFailure) {
    guard runID == self.runID else {
      throw IngestionFailure(
        .stream,
        "an event belongs to run '\(runID.string)', this is run '\(String(decoding: self.runID, as: UTF8.self))'")
    }
    guard attempt == self.attempt else {
      throw IngestionFailure(.stream, "an event belongs to attempt \(attempt), this is attempt \(self.attempt)")
    }
    try admit(seq: seq)
  }

  /// An event of the run.
  mutating func admit(seq: Int64) throws(IngestionFailure) {
    guard seq == lastSeq + 1 else {
      let what = seq <= lastSeq ? "repeats" : "leaves a gap"
      throw IngestionFailure(.stream, "the sequence \(what): event \(seq) follows event \(lastSeq)")
    }
    lastSeq = seq
  }
}
