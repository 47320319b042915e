import QuarryCore

/// One event, as views into its frame.
package struct EventEnvelope {
  package let type: EventType
  /// The same as it was sent.
  package let typeText: WireText
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
  package let extras: [(key: WireText, value: UnsafeRawBufferPointer)]

  init(_ fields: consuming FrameFields) throws(WireError) {
    // First: an envelope of another version may differ in everything else.
    let version = try WireField("contract_version", fields.contractVersion).text()
    guard version == Self.contractVersion else {
      throw WireError(
        .otherVersion, "the executor speaks contract version '\(version.string)', this is \(Version.current)")
    }
    typeText = try WireField("type", fields.type).text()
    type = EventType(typeText)
    eventID = try WireField("event_id", fields.eventID).text()
    runID = try WireField("run_id", fields.runID).text()
    seq = try WireField("seq", fields.seq).integer()
    ts = try WireField("ts", fields.ts).text()
    payload = try WireField("payload", fields.payload).map()
    attempt = try WireField("attempt", fields.attempt).integer()
    jobID = try WireField("job_id", fields.jobID).optionalText()
    parentRunID = try WireField("parent_run_id", fields.parentRunID).optionalText()
    depth = try WireField("depth", fields.depth).optionalInteger()
    extras = fields.others
  }

  private static let contractVersion = Array(Version.current.utf8)
}

/// The entries of a frame, those of an event by name; nil for what is missing.
struct FrameFields {
  private(set) var contractVersion: UnsafeRawBufferPointer?
  private(set) var eventID: UnsafeRawBufferPointer?
  private(set) var runID: UnsafeRawBufferPointer?
  private(set) var seq: UnsafeRawBufferPointer?
  private(set) var type: UnsafeRawBufferPointer?
  private(set) var ts: UnsafeRawBufferPointer?
  private(set) var payload: UnsafeRawBufferPointer?
  private(set) var attempt: UnsafeRawBufferPointer?
  private(set) var jobID: UnsafeRawBufferPointer?
  private(set) var parentRunID: UnsafeRawBufferPointer?
  private(set) var depth: UnsafeRawBufferPointer?
  private(set) var others: [(key: WireText, value: UnsafeRawBufferPointer)] = []

  init(_ frame: UnsafeRawBufferPointer) throws(WireError) {
    try WireMap.forEach(in: frame) { key, value throws(WireError) in take(key, value) }
  }

  @inline(__always)
  private mutating func take(_ key: WireText, _ value: UnsafeRawBufferPointer) {
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
    default: others.append((key, value))
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
