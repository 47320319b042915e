import QuarryCore
import QuarryRuntime
import QuarryWire
import Testing

/// The run's last records and its metrics, which are one commit where they can be.
@Suite struct LastFlushTests {
  private static let end: [MessagePackValue] = [
    .object(["type": "run_result", "outcome": .object(["status": "completed"])]),
    .object(["type": "run_end", "code": .integer(0), "pid": .integer(1), "had_browser": .bool(false)]),
  ]

  /// A run whose end comes with its last events in one read.
  private static func stream(_ policy: String) throws -> ExecutorStream {
    let stream = try ExecutorStream(policy: PolicyConfiguration(text: policy))
    try stream.send(stream.event(), stream.event())
    let frames = [stream.event(), stream.event("run_complete", .object([:]))] + end
    try stream.send(bytes: frames.flatMap(\.frame))
    return stream
  }

  private static func close(_ stream: ExecutorStream) throws -> (isStored: Bool, told: IngestionFigures?) {
    var told: IngestionFigures?
    let isStored = try stream.ingestion.finish { figures, batch in
      told = figures
      batch.append(.metrics, eventType: "metrics") { JSONText.appendMember("is", "closing", to: &$0) }
    }
    return (isStored, told)
  }

  private static func hasClosing(_ lines: [String]?) -> Bool { lines?.contains { $0.contains("closing") } ?? false }

  @Test(arguments: PolicyConformanceTests.policies)
  func theMetricsGoWithWhatIsLeft(_ policy: String) throws {
    let stream = try Self.stream(policy)
    let before = stream.sink.commits.count
    let (isStored, told) = try Self.close(stream)
    // A flush by count may have begun before.
    guard isStored else {
      #expect(policy.hasSuffix("=1"))
      return
    }
    #expect(stream.sink.commits.count == before + 1)
    #expect(stream.sink.commits.last?.count ?? 0 > 1)
    #expect(Self.hasClosing(stream.sink.commits.last))
    #expect(told == stream.ingestion.figures)
    #expect(told?.eventsPersisted == 4)
  }

  /// What was not tried before is tried again, without what would be wrong by then.
  @Test(
    arguments: ["strict", "streaming flush-count=100000", "buffered buffer-events=100000"] + [
      "buffered buffer-events=100000 flush-mode=two_phase", "buffered buffer-events=100000 flush-mode=chunks_first",
    ])
  func aFlushThatFailsIsTriedAgainWithoutThem(_ policy: String) throws {
    let stream = try Self.stream(policy)
    stream.sink.failNext(1)
    let (isStored, told) = try Self.close(stream)
    #expect(!isStored && told != nil)
    #expect(!Self.hasClosing(stream.sink.commits.joined().map(\.self)))
    #expect(try stream.sink.records().count == 4)
    #expect(stream.ingestion.figures.eventsPersisted == 4)
    #expect(stream.ingestion.figures.writesFailed == 1)
    #expect(stream.ingestion.figures.writesRetried == 1)
  }

  /// Else what is visible would be stored a second time.
  @Test(arguments: [
    "strict", "streaming flush-count=100000", "buffered buffer-events=100000",
    "buffered buffer-events=100000 flush-mode=two_phase",
  ])
  func whatMayBeVisibleIsTriedAgainWhole(_ policy: String) throws {
    let stream = try Self.stream(policy)
    stream.sink.failVisibly()
    stream.sink.failNext(1)
    let before = stream.sink.attempts
    let (isStored, _) = try Self.close(stream)
    #expect(isStored)
    #expect(stream.sink.attempts == before + 2)
    #expect(Self.hasClosing(stream.sink.commits.last))
    #expect(try stream.sink.records().count == 5)
  }

  @Test(arguments: ["strict", "streaming flush-count=100000", "buffered buffer-events=100000"])
  func withNothingLeftTheyAreNotAskedFor(_ policy: String) throws {
    let stream = try ExecutorStream(policy: PolicyConfiguration(text: policy))
    let (isStored, told) = try Self.close(stream)
    #expect(!isStored && told == nil)
    #expect(stream.sink.attempts == 0)
  }

  /// Nothing is read between the executor's last word and the last flush; what comes after a word that was not its last is
  /// stored as ever.
  @Test func whatFollowsTheEndIsHeldForNobody() throws {
    let stream = try Self.stream("strict")
    #expect(stream.sink.commits.joined().count == 2)
    try stream.send(stream.event("log", .object([:])))
    #expect(stream.sink.commits.joined().count == 5)
  }
}
