import QuarryCore
import QuarryRuntime

/// Small records that tests give to a policy by hand.
enum PolicyRecords {
  static func batch(policy: String) throws -> RecordBatch {
    let partition = try RunPartition(dataset: "quarry", source: "s", category: "c", day: "2026-11-24", runID: "r")
    return RecordBatch(partition: partition, policy: policy)
  }

  /// Bytes of the line that `append` makes of a one-digit number.
  static func lineLength(policy: String) throws -> Int {
    var batch = try batch(policy: policy)
    batch.append(.event, eventType: "item") { JSONText.appendMember("n", 0, to: &$0) }
    return batch.byteCount
  }

  /// The numbers in each commit; those of chunks are negative.
  static func commits(_ sink: RecordingSink) throws -> [[Int64]] {
    try sink.commits.map { try $0.compactMap { try JSONParser.parse($0)["n"]?.integer } }
  }
}

extension IngestionPolicy {
  func append(_ number: Int, _ kind: RecordClass = .event, estimate: Int = 10) throws {
    try append(estimate: estimate, kind) { batch in
      if kind == .chunk {
        batch.append(.artifactChunk, eventType: "artifact") { JSONText.appendMember("n", Int64(-number), to: &$0) }
      } else {
        batch.append(.event, eventType: "item") { JSONText.appendMember("n", Int64(number), to: &$0) }
      }
    }
  }
}
