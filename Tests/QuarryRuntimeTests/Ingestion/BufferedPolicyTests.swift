import QuarryCore
import QuarryRuntime
import Testing

@Suite struct BufferedPolicyTests {
  private final class Notes { var lines: [String] = [] }

  private let sink = RecordingSink()
  private let notes = Notes()

  private func policy(events: Int? = nil, bytes: Int? = nil, mode: FlushMode = .atLeastOnce) throws -> BufferedPolicy {
    BufferedPolicy(
      batch: try PolicyRecords.batch(policy: "buffered"), sink: sink,
      bounds: .init(events: events, bytes: bytes ?? 8 << 20),
      mode: mode, onNote: { [notes] in notes.lines.append($0) },
      onLoss: { [notes] in notes.lines.append("lost: \($0)") })
  }

  @Test func eventsWaitUntilTheNextOneNeedsRoom() throws {
    let policy = try policy(events: 3)
    for number in 0..<7 { try policy.append(number) }
    #expect(try PolicyRecords.commits(sink) == [[0, 1, 2], [3, 4, 5]])
    policy.terminated()
    #expect(try PolicyRecords.commits(sink) == [[0, 1, 2], [3, 4, 5], [6]])
    _ = try policy.finish(closing: nil)
    #expect(policy.figures.eventsPersisted == 7)
    #expect(policy.figures.writesSucceeded == 3)
    var triggers = FlushTriggers()
    (triggers.capacity, triggers.termination) = (2, 1)
    #expect(policy.figures.flushTriggers == triggers)
    #expect(notes.lines.isEmpty)
  }

  @Test func theTerminalEventNeedsNoFlushOfItsOwn() throws {
    let policy = try policy(events: 3)
    for number in 0..<3 { try policy.append(number) }
    try policy.append(3, .terminal)
    #expect(sink.attempts == 0)
    _ = try policy.finish(closing: nil)
    #expect(try PolicyRecords.commits(sink) == [[0, 1, 2, 3]])
  }

  @Test func bytesAreThoseOfTheLinesWhateverWasEstimated() throws {
    let length = try PolicyRecords.lineLength(policy: "buffered")
    let policy = try policy(bytes: 3 * length)
    for number in 0..<7 { try policy.append(number, estimate: 1 << 30) }
    _ = try policy.finish(closing: nil)
    #expect(try PolicyRecords.commits(sink) == [[0, 1, 2], [3, 4, 5], [6]])
    #expect(sink.largestCommit == 3 * length)
  }

  @Test func oneRecordAboveTheBoundIsTakenIntoAnEmptyBuffer() throws {
    let policy = try policy(bytes: 10)
    try policy.append(0)
    try policy.append(1, .droppable("log"))
    try policy.append(2)
    try policy.append(3, .chunk)
    _ = try policy.finish(closing: nil)
    #expect(try PolicyRecords.commits(sink) == [[0], [2], [-3]])
    #expect(policy.figures.droppedByType == ["log": 1])
  }

  @Test func whatMayBeDroppedIsDroppedWhenFullAndTold() throws {
    let policy = try policy(events: 2)
    try policy.append(0)
    try policy.append(1, .droppable("log"))
    for number in 2..<5 { try policy.append(number, .droppable("enqueue")) }
    try policy.append(5, .droppable("log"))
    #expect(sink.attempts == 0)
    try policy.append(6)
    try policy.append(7, .droppable("log"))
    _ = try policy.finish(closing: nil)
    #expect(try PolicyRecords.commits(sink) == [[0, 1], [6, 7]])
    #expect(policy.figures.droppedByType == ["enqueue": 3, "log": 1])
    #expect(policy.figures.eventsPersisted == 4)
    #expect(
      notes.lines == [
        "the buffer is full: log, enqueue and rotate_proxy events are dropped while it is",
        "lost: dropped while the buffer was full: 3 enqueue, 1 log",
      ])
  }

  @Test func manyDropsAreToldInFewLines() throws {
    let policy = try policy(events: 1)
    for number in 0..<5_000 {
      try policy.append(number)
      try policy.append(number, .droppable("log"))
    }
    _ = try policy.finish(closing: nil)
    #expect(policy.figures.droppedByType == ["log": 5_000])
    #expect(
      notes.lines.dropFirst() == [
        "1000 events were dropped so far", "2000 events were dropped so far", "4000 events were dropped so far",
        "lost: dropped while the buffer was full: 5000 log",
      ])
  }

  /// Storage is offered everything in the end, though another sink goes on refusing what is in front.
  @Test(arguments: FlushMode.allCases)
  func whatOnlyAnotherSinkRefusesKeepsNothingFromStorage(mode: FlushMode) throws {
    let policy = try policy(events: 2, mode: mode)
    sink.failNext(1_000)
    sink.fail(as: .redis)
    for number in 0..<2 { try policy.append(number) }
    #expect(throws: IngestionFailure.self) { try policy.append(2) }
    #expect(throws: IngestionFailure.self) { _ = try policy.finish(closing: nil) }
    #expect(try sink.lastOffered.compactMap { try JSONParser.parse($0)["n"]?.integer } == [0, 1, 2])
  }

  /// A chunk, its event, a flush; another pair, another flush.
  private func twoFlushes(_ mode: FlushMode, failing: Set<Int>) throws -> [[Int64]] {
    sink.fail(failing)
    let policy = try policy(events: 100, mode: mode)
    for number in [1, 2] {
      try policy.append(number, .chunk)
      try policy.append(number)
      policy.terminated()
    }
    _ = try policy.finish(closing: nil)
    #expect(policy.figures.eventsPersisted == 2)
    #expect(policy.figures.writesFailed == failing.count)
    #expect(notes.lines.count == failing.count)
    return try PolicyRecords.commits(sink)
  }

  static let afterChunks: [(FlushMode, [[Int64]])] = [
    (.atLeastOnce, [[-1], [-1, -2], [1, 2]]), (.chunksFirst, [[-1], [-2], [1, 2]]),
    (.twoPhase, [[-1], [1], [-2], [2]]),
  ]

  @Test(arguments: afterChunks)
  func eventsThatFailAfterTheirChunks(mode: FlushMode, commits: [[Int64]]) throws {
    #expect(try twoFlushes(mode, failing: [2]) == commits)
  }

  static let withChunks: [(FlushMode, [[Int64]])] = [
    (.atLeastOnce, [[-1, -2], [1, 2]]), (.chunksFirst, [[-1, -2], [1, 2]]), (.twoPhase, [[-1], [1], [-2], [2]]),
  ]

  @Test(arguments: withChunks)
  func chunksThatFailKeepTheirEventsBack(mode: FlushMode, commits: [[Int64]]) throws {
    #expect(try twoFlushes(mode, failing: [1]) == commits)
  }

  @Test(arguments: FlushMode.allCases)
  func aFlushThatMakesNoRoomFailsTheRunAndTheLastOneStillStoresAll(mode: FlushMode) throws {
    let policy = try policy(events: 2, mode: mode)
    sink.failNext(1)
    for number in 0..<2 { try policy.append(number) }
    #expect(throws: IngestionFailure.self) { try policy.append(2) }
    _ = try policy.finish(closing: nil)
    #expect(try PolicyRecords.commits(sink).flatMap { $0 } == [0, 1, 2])
    #expect(policy.figures.writesRetried == 1)
  }

  @Test func anAbandonedRunWritesNothingAndStillTellsItsDrops() throws {
    let policy = try policy(events: 1)
    try policy.append(0)
    try policy.append(1, .droppable("log"))
    policy.abandon()
    #expect(sink.attempts == 0)
    #expect(notes.lines.last == "lost: dropped while the buffer was full: 1 log")
  }
}
