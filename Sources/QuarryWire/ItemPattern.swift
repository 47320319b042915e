import QuarryCore

/// What the items of one run have in common. Their frames, as the SDK's emitter and the executor write them, and their
/// records differ in four values; all that stands between these is made once, and compared and written in whole pieces.
struct ItemPattern {
  /// What differs, as views into the frame.
  struct Values {
    let eventID: MessagePackReader.Run
    let seq: UInt32
    let ts: MessagePackReader.Run
    /// A MessagePack map that is not looked into yet, and whatever follows it.
    let payload: UnsafeRawBufferPointer
  }

  // Of a frame, what stands in front of each value.
  private let untilEventID: [UInt8]
  private let untilSeq: [UInt8]
  private let untilTS: [UInt8]
  private let untilPayload: [UInt8]
  // Of a record, what stands around all that differs.
  private let head: [UInt8]
  private let end: [UInt8]

  init(_ run: RunIdentity) {
    untilEventID = Self.frame { frame in
      frame.map(count: 8 + [run.jobID != nil, run.parentRunID != nil, run.depth != nil].count { $0 })
      frame.member("contract_version", Version.current)
      frame.string("event_id")
    }
    untilSeq = Self.frame { frame in
      frame.member("run_id", run.runID)
      frame.string("seq")
    }
    untilTS = Self.frame { frame in
      frame.member("type", "item")
      frame.string("ts")
    }
    untilPayload = Self.frame { frame in
      frame.member("attempt", run.attempt)
      frame.member("job_id", run.jobID)
      frame.member("parent_run_id", run.parentRunID)
      frame.member("depth", run.depth)
      frame.string("payload")
    }
    head = Array(#","contract_version":"\#(Version.current)","event_id":"#.utf8)
    var lineage: [UInt8] = [UInt8(ascii: ",")]
    JSONText.appendMember("job_id", run.jobID, to: &lineage)
    JSONText.appendMember("parent_run_id", run.parentRunID, to: &lineage)
    if let depth = run.depth { JSONText.appendMember("depth", Int64(depth), to: &lineage) }
    JSONText.appendMember("attempt", Int64(run.attempt), to: &lineage)
    end = lineage + RecordBatch.closing
  }

  private static func frame(_ write: (inout MessagePackWriter) -> Void) -> [UInt8] {
    var writer = MessagePackWriter()
    write(&writer)
    return writer.bytes
  }

  /// - Returns: nil for a frame that is no item of the run, or is written in another way.
  @inline(__always)
  func values(in frame: UnsafeRawBufferPointer) -> Values? {
    var reader = MessagePackReader(frame)
    guard reader.pass(untilEventID), let eventID = reader.nextString(),
      reader.pass(untilSeq), let seq = reader.nextCount(),
      reader.pass(untilTS), let ts = reader.nextString(),
      reader.pass(untilPayload), reader.isAtShortMap
    else { return nil }
    return Values(eventID: eventID, seq: seq, ts: ts, payload: reader.rest)
  }

  /// The members of the record, as `JSONWriter.members` writes them, and what closes its line.
  @inline(__always)
  func write(_ item: Values, to writer: inout JSONWriter) throws(WireError) {
    try writer.raw(head)
    try writer.string(item.eventID.bytes, slack: item.payload.count)
    try writer.raw(#","seq":"#)
    try writer.unsigned(UInt64(item.seq))
    try writer.raw(#","ts":"#)
    try writer.string(item.ts.bytes, slack: item.payload.count)
    try writer.raw(#","type":"item","payload":"#)
    try writer.value(item.payload)
    try writer.raw(end)
  }
}

extension MessagePackWriter {
  fileprivate mutating func member(_ key: String, _ value: String?) {
    guard let value else { return }
    string(key)
    string(value)
  }

  fileprivate mutating func member(_ key: String, _ value: Int?) {
    guard let value else { return }
    string(key)
    integer(Int64(value))
  }
}
