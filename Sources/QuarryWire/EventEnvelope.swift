import QuarryCore

/// One event, as views into its frame.
package struct EventEnvelope {
  package let type: EventType
  package let eventID: WireText
  package let runID: WireText
  package let seq: Int64
  package let ts: WireText
  /// A MessagePack map.
  package let payload: UnsafeRawBufferPointer
  package let attempt: Int64
  package let jobID: WireText?
  package let parentRunID: WireText?
  package let depth: Int64?
  /// Keys that this version does not know, with their values; carried, never rejected.
  package private(set) var extras: [(key: WireText, value: UnsafeRawBufferPointer)] = []

  init(_ frame: UnsafeRawBufferPointer) throws(WireError) {
    var fields = Fields()
    try WireMap.forEach(in: frame) { key, value throws(WireError) in
      if !fields.take(key, value) { fields.extras.append((key, value)) }
    }
    // First: an envelope of another version may differ in everything else.
    let version = try WireField("contract_version", fields.contractVersion).text()
    guard version == Version.current else {
      throw WireError(
        .otherVersion, "the executor speaks contract version '\(version.string)', this is \(Version.current)")
    }
    type = EventType(try WireField("type", fields.type).text())
    eventID = try WireField("event_id", fields.eventID).text()
    runID = try WireField("run_id", fields.runID).text()
    seq = try WireField("seq", fields.seq).integer()
    ts = try WireField("ts", fields.ts).text()
    payload = try WireField("payload", fields.payload).map()
    attempt = try WireField("attempt", fields.attempt).integer()
    jobID = try WireField("job_id", fields.jobID).optionalText()
    parentRunID = try WireField("parent_run_id", fields.parentRunID).optionalText()
    depth = try WireField("depth", fields.depth).optionalInteger()
    extras = fields.extras
  }

  private struct Fields {
    var contractVersion: UnsafeRawBufferPointer?
    var eventID: UnsafeRawBufferPointer?
    var runID: UnsafeRawBufferPointer?
    var seq: UnsafeRawBufferPointer?
    var type: UnsafeRawBufferPointer?
    var ts: UnsafeRawBufferPointer?
    var payload: UnsafeRawBufferPointer?
    var attempt: UnsafeRawBufferPointer?
    var jobID: UnsafeRawBufferPointer?
    var parentRunID: UnsafeRawBufferPointer?
    var depth: UnsafeRawBufferPointer?
    var extras: [(key: WireText, value: UnsafeRawBufferPointer)] = []

    /// - Returns: false for a key that is not of this version.
    mutating func take(_ key: WireText, _ value: UnsafeRawBufferPointer) -> Bool {
      switch key.bytes.count {
      case 2 where key == "ts": ts = value
      case 3 where key == "seq": seq = value
      case 4 where key == "type": type = value
      case 5 where key == "depth": depth = value
      case 6 where key == "run_id": runID = value
      case 6 where key == "job_id": jobID = value
      case 7 where key == "payload": payload = value
      case 7 where key == "attempt": attempt = value
      case 8 where key == "event_id": eventID = value
      case 13 where key == "parent_run_id": parentRunID = value
      case 16 where key == "contract_version": contractVersion = value
      default: return false
      }
      return true
    }
  }
}

/// What an event says. The eight of the contract, and any other, which is stored and never dropped.
package enum EventType: Equatable {
  case item, artifact, checkpoint, enqueue, rotateProxy, log, runError, runComplete
  case other(String)

  init(_ text: WireText) {
    switch text {
    case _ where text == "item": self = .item
    case _ where text == "log": self = .log
    case _ where text == "enqueue": self = .enqueue
    case _ where text == "artifact": self = .artifact
    case _ where text == "checkpoint": self = .checkpoint
    case _ where text == "rotate_proxy": self = .rotateProxy
    case _ where text == "run_error": self = .runError
    case _ where text == "run_complete": self = .runComplete
    default: self = .other(text.string)
    }
  }

  package var name: String {
    switch self {
    case .item: "item"
    case .artifact: "artifact"
    case .checkpoint: "checkpoint"
    case .enqueue: "enqueue"
    case .rotateProxy: "rotate_proxy"
    case .log: "log"
    case .runError: "run_error"
    case .runComplete: "run_complete"
    case .other(let name): name
    }
  }

  /// Ends the run.
  package var isTerminal: Bool { self == .runError || self == .runComplete }

  /// May be dropped by a policy under pressure.
  package var isDroppable: Bool { self == .enqueue || self == .rotateProxy || self == .log }
}
