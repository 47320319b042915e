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

  mutating func admit(_ event: EventEnvelope) throws(IngestionFailure) {
    guard event.runID == runID else {
      throw IngestionFailure(
        .stream,
        "an event belongs to run '\(event.runID.string)', this is run '\(String(decoding: runID, as: UTF8.self))'")
    }
    guard event.attempt == attempt else {
      throw IngestionFailure(.stream, "an event belongs to attempt \(event.attempt), this is attempt \(attempt)")
    }
    guard event.seq == lastSeq + 1 else {
      let what = event.seq <= lastSeq ? "repeats" : "leaves a gap"
      throw IngestionFailure(.stream, "the sequence \(what): event \(event.seq) follows event \(lastSeq)")
    }
    lastSeq = event.seq
  }
}
