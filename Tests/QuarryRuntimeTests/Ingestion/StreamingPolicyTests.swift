import Glibc
import QuarryCore
import QuarryRuntime
import QuarryWire
import Synchronization
import Testing

@Suite struct StreamingPolicyTests {
  private final class Clock: Sendable {
    let now = Atomic<UInt64>(1_000)
    func advance(milliseconds: UInt64) { now.add(milliseconds * 1_000_000, ordering: .sequentiallyConsistent) }
    func read() -> UInt64 { now.load(ordering: .sequentiallyConsistent) }
  }

  @Test func aCountMakesAFlushDueThatTakesAllThatWaits() throws {
    let sink = RecordingSink(gated: true)
    let stream = try ExecutorStream(policy: PolicyConfiguration(name: "streaming", .init(flushCount: 3)), sink: sink)
    for _ in 0..<3 { try stream.send(stream.event()) }
    sink.waitForCommitToBegin()
    for _ in 0..<7 { try stream.send(stream.event()) }
    sink.letThrough()
    sink.waitForCommitToBegin()  // by itself: no event comes that could begin it
    try stream.send(stream.event())
    sink.letThrough(2)
    try stream.ingestion.finish()
    #expect(sink.commits.map(\.count) == [3, 7, 1])
    let triggers = try #require(stream.ingestion.figures.flushTriggers)
    #expect(triggers.count == 2)
    #expect(triggers.termination == 1)
    #expect(triggers.capacity == 0)
  }

  @Test func anIntervalFlushesWhatWaits() throws {
    let clock = Clock()
    let stream = try ExecutorStream(
      policy: PolicyConfiguration(name: "streaming", .init(flushInterval: .milliseconds(50))), clock: { clock.read() })
    #expect(stream.ingestion.nextDeadline == nil)
    try stream.send(stream.event())
    #expect(stream.ingestion.nextDeadline == 50_001_000)
    clock.advance(milliseconds: 20)
    try stream.send(stream.event())
    #expect(stream.ingestion.nextDeadline == 50_001_000)
    try stream.ingestion.tick()
    #expect(stream.sink.attempts == 0)
    clock.advance(milliseconds: 30)
    try stream.ingestion.tick()
    stream.sink.waitForCommitToBegin()
    try stream.ingestion.finish()
    #expect(stream.sink.commits.map(\.count) == [2])
    #expect(stream.ingestion.figures.flushTriggers?.interval == 1)
    #expect(stream.ingestion.figures.flushTriggers?.termination == 0)
  }

  @Test func theTimerRestsWhenNothingWaits() throws {
    let clock = Clock()
    let sink = RecordingSink(gated: true)
    let stream = try ExecutorStream(
      policy: PolicyConfiguration(name: "streaming", .init(flushInterval: .milliseconds(50))), sink: sink,
      clock: { clock.read() })
    try stream.send(stream.event())
    clock.advance(milliseconds: 50)
    try stream.ingestion.tick()
    sink.waitForCommitToBegin()
    clock.advance(milliseconds: 50)
    try stream.ingestion.tick()  // still being stored: looks again later
    #expect(stream.ingestion.nextDeadline != nil)
    sink.letThrough()
    try stream.ingestion.finish()
    #expect(stream.ingestion.nextDeadline == nil)
    #expect(stream.ingestion.figures.flushTriggers?.interval == 1)
  }

  @Test func readingGoesOnWhileAFlushIsUnderWay() throws {
    let sink = RecordingSink(gated: true)
    let stream = try ExecutorStream(policy: PolicyConfiguration(name: "streaming", .init(flushCount: 2)), sink: sink)
    try stream.send(stream.event(), stream.event())
    sink.waitForCommitToBegin()
    try stream.send(stream.event())
    #expect(stream.ingestion.figures.eventsReceived == 3)
    #expect(stream.ingestion.figures.eventsPersisted == 0)
    sink.letThrough(2)
    try stream.ingestion.finish()
    #expect(sink.commits.map(\.count) == [2, 1])
  }

  @Test func aFullBufferWaitsForStorage() throws {
    let sink = RecordingSink(gated: true)
    let policy = StreamingPolicy(
      batch: try PolicyRecords.batch(policy: "streaming"), sink: sink, flushCount: nil, flushInterval: .seconds(60),
      bounds: .init(records: 2),
      clock: { 0 })
    for index in 0..<4 { try policy.append(index) }  // two are being stored, two wait
    sink.waitForCommitToBegin()
    sink.letThrough()
    try policy.append(4)  // can only return after the first commit
    #expect(sink.commits.map(\.count) == [2])
    sink.letThrough(2)
    _ = try policy.finish(closing: nil)
    #expect(sink.commits.map(\.count) == [2, 2, 1])
    #expect(policy.figures.flushTriggers?.capacity == 2)
  }

  @Test func aFailedFlushIsTriedAgainAtTheNextTriggerAndStaysInFront() throws {
    let sink = RecordingSink(gated: true)
    let stream = try ExecutorStream(policy: PolicyConfiguration(name: "streaming", .init(flushCount: 2)), sink: sink)
    sink.failNext(2)
    for _ in 0..<2 {
      try stream.send(stream.event(), stream.event())
      sink.waitForCommitToBegin()
      sink.letThrough()
    }
    for _ in 0..<3 { try stream.send(stream.event()) }
    sink.waitForCommitToBegin()
    sink.letThrough(3)
    try stream.ingestion.finish()
    #expect(try sink.records().compactMap { $0["seq"]?.integer } == Array(1...7))
    let figures = stream.ingestion.figures
    #expect(figures.writesFailed == 2)
    #expect(figures.writesRetried == 2)
    #expect(figures.eventsPersisted == 7)
  }

  /// Storage is offered everything in the end, though another sink goes on refusing what is in front.
  @Test func whatOnlyAnotherSinkRefusesKeepsNothingFromStorage() throws {
    let sink = RecordingSink(gated: true)
    let stream = try ExecutorStream(policy: PolicyConfiguration(name: "streaming", .init(flushCount: 2)), sink: sink)
    sink.failNext(1_000)
    sink.fail(as: .redis)
    try stream.send(stream.event(), stream.event())
    sink.waitForCommitToBegin()
    sink.letThrough(1_000)
    try stream.send(stream.event())
    let failure = #expect(throws: IngestionFailure.self) { try stream.ingestion.finish() }
    #expect(failure?.kind == .policy)
    #expect(try sink.lastOffered.compactMap { try JSONParser.parse($0)["seq"]?.integer } == [1, 2, 3])
    #expect(stream.ingestion.figures.eventsPersisted == 0)
  }

  @Test func aFullBufferThatStorageRefusesFailsThePolicy() throws {
    let sink = RecordingSink()
    let policy = StreamingPolicy(
      batch: try PolicyRecords.batch(policy: "streaming"), sink: sink, flushCount: 1_000, flushInterval: nil,
      bounds: .init(records: 2),
      clock: { 0 })
    sink.failNext(1_000)
    for index in 0..<4 { try policy.append(index) }
    #expect(throws: IngestionFailure.self) { try policy.append(4) }
    sink.failNext(0)
    _ = try policy.finish(closing: nil)
    #expect(try sink.records().compactMap { $0["n"]?.integer } == [0, 1, 2, 3])
  }

  @Test func oneRecordAboveTheBoundIsTakenAlone() throws {
    let sink = RecordingSink()
    let policy = StreamingPolicy(
      batch: try PolicyRecords.batch(policy: "streaming"), sink: sink, flushCount: 1_000, flushInterval: nil,
      bounds: .init(bytes: 100),
      clock: { 0 })
    for index in 0..<3 { try policy.append(index, estimate: 1_000) }
    _ = try policy.finish(closing: nil)
    #expect(sink.commits.map(\.count) == [1, 1, 1])
  }

  @Test func theTerminalEventIsStoredWithoutWaitingForTheEnd() throws {
    let stream = try ExecutorStream(policy: PolicyConfiguration(name: "streaming", .init(flushCount: 1_000)))
    try stream.send(stream.event(), stream.event("run_complete", .object([:])))
    stream.sink.waitForCommitToBegin()
    try stream.ingestion.finish()
    #expect(stream.sink.commits.map(\.count) == [2])
    #expect(stream.ingestion.figures.flushTriggers?.termination == 1)
  }
}

extension StreamingPolicy.Bounds {
  fileprivate init(records: Int? = nil, bytes: Int? = nil) {
    self.init(bytes: bytes ?? 4 << 20)
    self.records = records ?? self.records
  }
}
