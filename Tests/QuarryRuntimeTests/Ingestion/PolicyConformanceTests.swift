import QuarryCore
import QuarryRuntime
import QuarryWire
import Testing

/// What holds whichever policy runs, over storage that fails now and then.
@Suite struct PolicyConformanceTests {
  static let policies = [
    "strict", "streaming flush-count=1", "streaming flush-count=7", "streaming flush-count=100000",
    "streaming flush-interval=3600s", "buffered buffer-events=1", "buffered buffer-events=9 flush-mode=chunks_first",
    "buffered buffer-bytes=4096 flush-mode=two_phase", "buffered buffer-events=100000",
    "buffered buffer-events=5 buffer-bytes=100000 flush-mode=two_phase",
  ]

  /// A run of every kind of record; artifacts lie across each other and across events.
  private static func script(_ stream: ExecutorStream) -> [MessagePackValue] {
    var frames: [MessagePackValue] = []
    for index in 0..<40 {
      frames.append(stream.event(["item", "log", "enqueue", "checkpoint"][index % 4]))
      guard index % 10 == 0 else { continue }
      frames.append(ExecutorStream.chunk("a\(index)", 1, last: false, [1, 2, 3]))
      frames.append(ExecutorStream.chunk("b\(index)", 1, last: true, []))
      frames.append(stream.event())
      frames.append(ExecutorStream.chunk("a\(index)", 2, last: true, [4]))
      frames.append(stream.artifact("a\(index)", size: .integer(4)))
      frames.append(stream.artifact("b\(index)", size: .integer(0)))
    }
    return frames + [stream.event("run_complete", .object([:]))]
  }

  /// Stored lines without what names the policy: events and chunks by partition, in their order.
  private static func lines(_ sink: RecordingSink) throws -> [String: [String]] {
    var lines: [String: [String]] = [:]
    for line in sink.commits.joined() {
      let record = try JSONParser.parse(line)
      let isChunk = record["record_kind"] == "artifact_chunk"
      let neutral = line.replacing(#"policy":"\#(record["policy"]?.string ?? "")""#, with: "")
      lines["\(record["event_type"]?.string ?? "?") \(isChunk)", default: []].append(neutral)
    }
    return lines
  }

  private static func run(
    _ policy: String, before: (Int, RecordingSink) -> Void = { _, _ in }
  ) throws -> (stream: ExecutorStream, failure: IngestionFailure?) {
    let stream = try ExecutorStream(policy: PolicyConfiguration(text: policy))
    var failure: IngestionFailure?
    for (index, frame) in Self.script(stream).enumerated() where failure == nil {
      before(index, stream.sink)
      failure = stream.failure { try stream.send(frame) }
    }
    stream.sink.failNext(0)
    try stream.ingestion.finish()
    return (stream, failure)
  }

  @Test(arguments: policies)
  func theSameRecordsInTheSameOrder(policy: String) throws {
    let expected = try Self.lines(Self.run("strict").stream.sink)
    let (stream, failure) = try Self.run(policy)
    #expect(failure == nil)
    let stored = try Self.lines(stream.sink)
    let figures = stream.ingestion.figures
    for (partition, lines) in expected {
      let may = partition.hasPrefix("log") || partition.hasPrefix("enqueue")
      let missing = lines.count - (stored[partition]?.count ?? 0)
      #expect(missing == (figures.droppedByType[String(partition.prefix { $0 != " " })] ?? 0), "\(partition)")
      #expect(lines.filter { stored[partition]?.contains($0) == true } == stored[partition] ?? [])
      #expect(may || missing == 0)
    }
    #expect(figures.eventsReceived == figures.eventsPersisted + figures.eventsDropped)
    #expect(policy.hasPrefix("buffered") || figures.eventsDropped == 0)
  }

  /// One of the commits fails, whichever it is: nothing is lost silently, nothing repeated but chunks where the mode
  /// says so, nothing reordered.
  @Test(arguments: policies, 1...8)
  func aFailedCommitLosesNothing(policy: String, failing: Int) throws {
    let (stream, failure) = try Self.run(policy) { index, sink in if index == 0 { sink.fail([failing]) } }
    let figures = stream.ingestion.figures
    #expect(figures.eventsReceived == figures.eventsPersisted + figures.eventsDropped)
    #expect(figures.artifacts.total >= figures.artifacts.committed)
    try Self.expectOrder(stream.sink, mayRepeatChunks: policy.hasPrefix("buffered") && !policy.contains("flush-mode"))
    if policy.hasPrefix("streaming") { #expect(failure == nil) }
    if policy == "strict" { #expect(failure?.kind == .policy) }
  }

  @Test(arguments: policies, 0..<6)
  func commitsThatFailAgainAndAgainLoseNothing(policy: String, seed: Int) throws {
    var generator = SplitMix(seed: UInt64(seed))
    let (stream, failure) = try Self.run(policy) { index, sink in
      if index % 13 == seed { sink.failNext(Int.random(in: 1...3, using: &generator)) }
    }
    let figures = stream.ingestion.figures
    #expect(figures.eventsReceived == figures.eventsPersisted + figures.eventsDropped)
    try Self.expectOrder(stream.sink, mayRepeatChunks: policy.hasPrefix("buffered") && !policy.contains("flush-mode"))
    if failure == nil { #expect(stream.ingestion.terminal != nil) } else { #expect(failure?.kind == .policy) }
  }

  /// Events once and in their order within a partition; no commit event before its chunks.
  private static func expectOrder(_ sink: RecordingSink, mayRepeatChunks: Bool) throws {
    var last: [String: Int64] = [:]
    var seqs: Set<Int64> = []
    var chunks: [String: [Int64]] = [:]
    for record in try sink.records() {
      let seq = try #require(record["seq"]?.integer)
      let id = record["artifact_id"]?.string ?? ""
      if record["record_kind"] == "artifact_chunk" {
        chunks[id, default: []].append(seq)
        continue
      }
      let type = try #require(record["event_type"]?.string)
      #expect(seqs.insert(seq).inserted)
      #expect(seq > last[type] ?? 0)
      last[type] = seq
      guard type == "artifact" else { continue }
      #expect(Set(chunks[id] ?? []) == (id.hasPrefix("a") ? [1, 2] : [1]))
    }
    if !mayRepeatChunks { #expect(chunks.values.allSatisfy { $0 == Array(1...Int64($0.count)) }) }
  }

  @Test(arguments: policies)
  func aLastFlushThatFailsIsAPolicyFailure(policy: String) throws {
    let stream = try ExecutorStream(policy: PolicyConfiguration(text: policy))
    stream.sink.failNext(1_000)
    let first = stream.failure { try stream.send(stream.event()) }
    let last = stream.failure { try stream.ingestion.finish() }
    #expect(last?.kind == .policy)
    #expect(last?.remedy == "make room")
    #expect((first != nil) == (policy == "strict"))
    #expect(stream.ingestion.figures.eventsPersisted == 0)
    #expect(stream.ingestion.figures.writesFailed >= 1)
  }

  @Test(arguments: policies.filter { $0 != "strict" && $0 != "streaming flush-count=1" })
  func anAbandonedRunWritesNothingMore(policy: String) throws {
    let stream = try ExecutorStream(policy: PolicyConfiguration(text: policy))
    try stream.send(stream.event())
    stream.ingestion.abandon()
    #expect(stream.sink.attempts == 0)
  }

  @Test(arguments: [
    ("strict", 4 << 20), ("streaming flush-count=100000", 4 << 20), ("buffered buffer-events=100000", 8 << 20),
    ("buffered buffer-bytes=3000000", 3_000_000),
  ])
  func memoryIsBoundedByTheBufferAndOneRecord(policy: String, bound: Int) throws {
    let piece = [UInt8](repeating: 1, count: 1 << 20)
    let stream = try ExecutorStream(policy: PolicyConfiguration(text: policy))
    for index in 1...12 { try stream.send(ExecutorStream.chunk("a", Int64(index), last: index == 12, piece)) }
    try stream.send(stream.artifact("a", size: .integer(Int64(12 * piece.count))))
    try stream.ingestion.finish()
    #expect(stream.sink.largestCommit <= bound)
    #expect(stream.sink.commits.joined().count == 13)
  }
}

/// Repeatable randomness.
private struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
