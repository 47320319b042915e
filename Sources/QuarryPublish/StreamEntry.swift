import QuarryCore
import RedisClient

/// One event as a stream carries it: its fields, cut out of the record line that was encoded for storage.
struct StreamEntry: Sendable {
  let seq: Int64
  /// Names and values, alternating.
  let fields: [RedisArgument]
  /// Bytes of the payload, which is nearly all of it.
  let size: Int

  /// The events of a batch in the order of emission. Chunks and metrics are not events.
  /// - Parameter after: events up to this `seq` are left out.
  static func entries(of batch: RecordBatch, after: Int64) -> [StreamEntry] {
    var entries: [StreamEntry] = []
    for group in batch.groups where group.eventCount > 0 {
      group.lines.withUnsafeBytes { bytes in
        for line in bytes.split(separator: UInt8(ascii: "\n")) where !isChunk(line) {
          let entry = StreamEntry(UnsafeRawBufferPointer(rebasing: line), group.eventType, batch.partition)
          if let entry, entry.seq > after { entries.append(entry) }
        }
      }
    }
    return entries.sorted { $0.seq < $1.seq }
  }

  private static let chunkStart = Array(#"{"record_kind":"artifact_chunk""#.utf8)

  private static func isChunk(_ line: Slice<UnsafeRawBufferPointer>) -> Bool { line.starts(with: chunkStart) }

  init(seq: Int64, fields: [RedisArgument], size: Int) {
    self.seq = seq
    self.fields = fields
    self.size = size
  }

  /// - Returns: nil for a line that is no event.
  private init?(_ line: UnsafeRawBufferPointer, _ eventType: String, _ partition: RunPartition) {
    var members = Members()
    RecordMembers.forEach(in: line) { key, text in
      members.take(key, text)
      return true
    }
    guard let seq = members.seq, let kind = members.kind, kind == .event || kind == .artifactEvent else { return nil }
    let payload = members.payload ?? members.rest + [UInt8(ascii: "}")]
    self.seq = seq
    size = payload.count
    var fields: [RedisArgument] = [
      "run_id", .text(partition.runID), "event_type", .text(eventType), "seq", .text(String(seq)),
      "timestamp", .text(members.texts["ts"] ?? ""), "source", .text(partition.source),
      "category", .text(partition.category), "payload", .bytes(payload),
      "event_id", .text(members.texts["event_id"] ?? ""), "attempt", .text(members.texts["attempt"] ?? "1"),
    ]
    for name in ["job_id", "task_id", "epoch"] {
      if let value = members.texts[name] { fields += [.text(name), .text(value)] }
    }
    self.fields = fields
  }

  /// What is taken out of a line while it is read once.
  private struct Members {
    var kind: RecordKind?
    var seq: Int64?
    var texts: [String: String] = [:]
    var payload: [UInt8]?
    /// An artifact's event has its payload's members at the top level: here they are an object again, still open.
    var rest: [UInt8] = [UInt8(ascii: "{")]

    mutating func take(_ key: String, _ text: UnsafeRawBufferPointer) {
      switch key {
      case "record_kind": kind = RecordMembers.text(text).flatMap(RecordKind.init)
      case "seq": seq = Int64(String(decoding: text, as: UTF8.self))
      case "payload": payload = Array(text)
      case "ts", "event_id", "job_id", "task_id": texts[key] = RecordMembers.text(text)
      case "attempt", "epoch": texts[key] = String(decoding: text, as: UTF8.self)
      case "source", "category", "day", "run_id", "event_type", "policy", "contract_version", "type", "parent_run_id",
        "depth", "origin_run_id":
        break
      default:
        guard kind == .artifactEvent else { return }
        JSONText.appendSeparator(to: &rest)
        JSONText.append(key, to: &rest)
        rest.append(UInt8(ascii: ":"))
        rest += text
      }
    }
  }
}
