import QuarryCore
import QuarryRuntime
import QuarryWire
import Testing

/// What holds whichever policy runs.
@Suite struct PolicyConformanceTests {
  static func policies() throws -> [PolicyConfiguration] {
    [
      .strict, try PolicyConfiguration(name: "streaming", flushCount: 1),
      try PolicyConfiguration(name: "streaming", flushCount: 7),
      try PolicyConfiguration(name: "streaming", flushCount: 100_000),
      try PolicyConfiguration(name: "streaming", flushInterval: .seconds(3600)),
    ]
  }

  /// A run of every kind of record.
  private static func script(_ stream: ExecutorStream) -> [MessagePackValue] {
    var frames: [MessagePackValue] = []
    for index in 0..<40 {
      frames.append(stream.event(["item", "log", "enqueue", "checkpoint"][index % 4]))
      guard index % 10 == 0 else { continue }
      frames.append(ExecutorStream.chunk("a\(index)", 1, last: false, [1, 2, 3]))
      frames.append(stream.event())
      frames.append(ExecutorStream.chunk("a\(index)", 2, last: true, [4]))
      frames.append(stream.artifact("a\(index)", size: .integer(4)))
    }
    return frames + [stream.event("run_complete", .object([:]))]
  }

  /// Record lines by partition, without what names the policy.
  private static func partitions(_ sink: RecordingSink) -> [String: [String]] {
    var lines: [String: [String]] = [:]
    for line in sink.commits.joined() {
      let type = (try? JSONParser.parse(line)["event_type"]?.string) ?? "?"
      let neutral = line.replacing(#""policy":"strict""#, with: "").replacing(#""policy":"streaming""#, with: "")
      lines[type, default: []].append(neutral)
    }
    return lines
  }

  @Test func theSameRecordsInTheSameOrderWhicheverPolicyRan() throws {
    var results: [[String: [String]]] = []
    for policy in try Self.policies() {
      let stream = try ExecutorStream(policy: policy)
      for frame in Self.script(stream) { try stream.send(frame) }
      try stream.ingestion.finish()
      results.append(Self.partitions(stream.sink))
      #expect(stream.ingestion.figures.eventsReceived == stream.ingestion.figures.eventsPersisted)
      #expect(stream.ingestion.figures.eventsDropped == 0)
    }
    #expect(results.allSatisfy { $0 == results[0] })
    #expect(results[0]["artifact"]?.count == 12)
  }

  /// Commits fail now and then; what is not reported as lost is there once, in order.
  @Test func failedCommitsLoseNothingAndRepeatNothing() throws {
    for policy in try Self.policies() {
      for failing in 0..<4 {
        let stream = try ExecutorStream(policy: policy)
        var failure: IngestionFailure?
        for (index, frame) in Self.script(stream).enumerated() {
          if index % 13 == failing { stream.sink.failNext(1) }
          failure = failure ?? stream.failure { try stream.send(frame) }
        }
        stream.sink.failNext(0)
        try stream.ingestion.finish()
        let seqs = try stream.sink.records().filter { $0["record_kind"] != "artifact_chunk" }.compactMap {
          $0["seq"]?.integer
        }
        let persisted = stream.ingestion.figures.eventsPersisted
        #expect(seqs.sorted() == Array(1...Int64(persisted)))
        if failure == nil { #expect(persisted == stream.ingestion.figures.eventsReceived) }
        if policy.name == .strict { #expect(failure?.kind == .policy) } else { #expect(failure == nil) }
      }
    }
  }

  @Test func aLastFlushThatFailsIsAPolicyFailure() throws {
    for policy in try Self.policies() {
      let stream = try ExecutorStream(policy: policy)
      stream.sink.failNext(1_000)
      let first = stream.failure { try stream.send(stream.event()) }
      let last = stream.failure { try stream.ingestion.finish() }
      #expect(last?.kind == .policy)
      #expect(last?.remedy == "make room")
      #expect((first == nil) == (policy.name == .streaming))
      #expect(stream.ingestion.figures.eventsPersisted == 0)
      #expect(stream.ingestion.figures.writesFailed >= 1)
    }
  }

  @Test func anAbandonedRunWritesNothingMore() throws {
    for policy in try Self.policies() where policy.flushCount != 1 && policy.name == .streaming {
      let stream = try ExecutorStream(policy: policy)
      try stream.send(stream.event())
      stream.ingestion.abandon()
      #expect(stream.sink.attempts == 0)
    }
  }

  @Test func memoryIsBoundedByTheBufferAndOneRecord() throws {
    let piece = [UInt8](repeating: 1, count: 1 << 20)
    for policy in [.strict, try PolicyConfiguration(name: "streaming", flushCount: 100_000)] {
      let stream = try ExecutorStream(policy: policy)
      for index in 1...12 { try stream.send(ExecutorStream.chunk("a", Int64(index), last: index == 12, piece)) }
      try stream.send(stream.artifact("a", size: .integer(Int64(12 * piece.count))))
      try stream.ingestion.finish()
      #expect(stream.sink.largestCommit <= 4 << 20)
      #expect(stream.sink.commits.joined().count == 13)
    }
  }
}
