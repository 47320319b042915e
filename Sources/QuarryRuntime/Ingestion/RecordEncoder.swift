import QuarryCore
import QuarryWire

/// Writes what the executor sent as record lines, straight from the frame.
///
/// `run_id` and the other partition keys, `event_type` and `policy` stand in the head that `RecordBatch` writes.
enum RecordEncoder {
  /// - Parameter frameLength: in bytes; a large event gets its room at once.
  static func event(
    _ event: EventEnvelope, frameLength: Int, into batch: inout RecordBatch
  ) throws(IngestionFailure) {
    let room = frameLength > 64 << 10 ? frameLength + 1024 : 0
    try line(.event, eventType: event.type.name, reserving: room, into: &batch, place: "event \(event.seq)") {
      writer throws(WireError) in
      try writer.members(of: event)
      try extras(event.extras, reserved: reservedInEvents, to: &writer)
    }
  }

  /// An item whose record is written already.
  static func item(_ item: ItemTranscoder.Item, into batch: inout RecordBatch) throws(IngestionFailure) {
    guard batch.append(.event, eventType: "item", end: item.end) else {
      throw IngestionFailure(WireError(.tooLong, "the line is longer than its limit"), in: "event \(item.seq)")
    }
  }

  static func artifactCommit(
    _ event: EventEnvelope, _ commit: ArtifactCommit, into batch: inout RecordBatch
  ) throws(IngestionFailure) {
    try line(.artifactEvent, eventType: "artifact", into: &batch, place: "event \(event.seq)") {
      writer throws(WireError) in
      try writer.identity(of: event)
      try writer.raw(#","artifact_id":"#)
      try writer.string(commit.artifactID.bytes)
      try writer.raw(#","size_bytes":"#)
      try writer.integer(commit.sizeBytes)
      try extras(commit.others, reserved: reservedInArtifacts, to: &writer)
      try writer.lineage(of: event)
      try extras(event.extras, reserved: reservedInArtifacts, to: &writer)
    }
  }

  /// One stored piece of a chunk.
  /// - Parameter isChecksummed: the record bears a checksum of the data, before base64.
  static func artifactChunk(
    _ id: WireText, seq: Int64, isLast: Bool, offset: Int64, data: UnsafeRawBufferPointer, isChecksummed: Bool,
    into batch: inout RecordBatch
  ) throws(IngestionFailure) {
    let size = chunkEstimate(id, data)
    try line(.artifactChunk, eventType: "artifact", reserving: size, into: &batch, place: "an artifact's chunk") {
      writer throws(WireError) in
      try writer.raw(#","artifact_id":"#)
      try writer.string(id.bytes)
      try writer.raw(#","seq":"#)
      try writer.integer(seq)
      try writer.raw(#","is_last":"#)
      try writer.bool(isLast)
      try writer.raw(#","offset":"#)
      try writer.integer(offset)
      try writer.raw(#","length":"#)
      try writer.integer(Int64(data.count))
      try writer.raw(#","data":"#)
      try writer.base64(data)
      guard isChecksummed else { return }
      try writer.raw(#","checksum":""#)
      try writer.raw(Array(MD5.hex(data).utf8))
      try writer.raw(#"","checksum_algo":"md5""#)
    }
  }

  /// Bytes of an event's line, roughly: JSON is seldom twice as long as MessagePack.
  static func eventEstimate(_ frameLength: Int) -> Int { 2 * frameLength + 512 }

  static func chunkEstimate(_ id: WireText, _ data: UnsafeRawBufferPointer) -> Int {
    Base64.encodedCount(data.count) + id.bytes.count + 2048
  }

  // MARK: Parts

  private static func extras(
    _ members: [(key: WireText, value: UnsafeRawBufferPointer)], reserved: [StaticString], to writer: inout JSONWriter
  ) throws(WireError) {
    for (key, value) in members {
      guard !reserved.contains(where: { key == $0 }) else {
        throw WireError(.undecodable, "the key '\(key.string)' is taken by the record itself")
      }
      try writer.byte(UInt8(ascii: ","))
      try writer.string(key.bytes)
      try writer.byte(UInt8(ascii: ":"))
      try writer.value(value)
    }
  }

  /// Names that a record writes by itself; an unknown key must not say something else under one of them.
  private static let reservedInEvents: [StaticString] = [
    "record_kind", "source", "category", "day", "event_type", "policy", "task_id", "epoch", "origin_run_id",
  ]
  private static let reservedInArtifacts: [StaticString] =
    reservedInEvents + [
      "artifact_id", "size_bytes", "contract_version", "event_id", "run_id", "seq", "type", "ts", "payload", "attempt",
      "job_id", "parent_run_id", "depth",
    ]

  /// - Parameter reserving: bytes to make room for at once, so that a large line does not grow its array twice.
  private static func line(
    _ kind: RecordKind, eventType: String, reserving: Int = 0, into batch: inout RecordBatch,
    place: @autoclosure () -> String, _ members: (inout JSONWriter) throws(WireError) -> Void
  ) throws(IngestionFailure) {
    let room = RecordBatch.lineLimit - 1 - batch.overhead(kind, eventType: eventType)
    do throws(WireError) {
      try batch.append(kind, eventType: eventType) { out throws(WireError) in
        // Exactly what is needed would be copied again by the next such line.
        if reserving > 0, out.count + reserving > out.capacity {
          out.reserveCapacity(max(out.count + reserving, 2 * out.capacity))
        }
        try JSONWriter.append(to: &out, limit: out.count + room, members)
      }
    } catch {
      throw IngestionFailure(error, in: place())
    }
  }
}
