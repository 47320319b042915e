import QuarryCommands
import QuarryCore
import QuarryFleet
import QuarryPublish
import RedisClient
import Synchronization
import TestSupport
import Testing

/// What a fleet's stream is told when the run of a task has ended, over a real Redis.
@Suite(.serialized) final class EventSinkTests: Sendable {
  private let server: RedisServer
  private let sinks: EventSinks
  private let warnings = Mutex<[String]>([])

  init() throws {
    server = try RedisServer.start()
    var settings = EventSinkSettings()
    settings.stream = StreamOptions(endpoint: try RedisEndpoint(url: server.url))
    settings.stream?.timeout = .seconds(30)
    sinks = EventSinks(settings)
  }

  private func task(_ runID: String) -> TaskAssignment {
    TaskAssignment(
      taskID: "t-1", jobID: "j-1", runID: runID, epoch: 7, attempt: 1, depth: 0, target: "a.ts", params: "{}",
      source: "s", category: "c", policy: "strict")
  }

  /// A run of the task has ended, having written so many events to the stream.
  private func end(_ runID: String, eventsWritten: Int = 1, mayHaveMore: Bool = false) throws {
    var figures = SinkFigures(name: "redis", delivery: .bestEffort)
    figures.eventsWritten = eventsWritten
    figures.mayHaveMore = mayHaveMore
    let partition = try RunPartition(dataset: "d", source: "s", category: "c", day: "2026-11-25", runID: runID)
    sinks.ended(task(runID), in: partition, figures: [SinkFigures(name: "lode", delivery: .mandatory), figures])
  }

  private func settle(_ notice: WorkerNotice) async {
    sinks.settle(notice) { warning in self.warnings.withLock { $0.append(warning) } }
    await sinks.finish()
  }

  /// Runs that the stream calls superseded, in their order, and why.
  private func superseded() async throws -> [[String?]] {
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let entries = try await redis.send(["XRANGE", "quarry:events", "-", "+"]).elements ?? []
    return entries.map { entry in
      let fields = entry[1]?.fields ?? [:]
      return [fields["event_type"]?.text, fields["run_id"]?.text, fields["payload"]?.text]
    }
  }

  @Test func runsThatLeaveTheirTaskUnburntAreSuperseded() async throws {
    for kind in TaskResult.FailureKind.allCases {
      try end(kind.rawValue)
      await settle(.runFailed(task(kind.rawValue), kind, reason: "why", then: "ready"))
      // A run is settled once.
      await settle(.runSuperseded(task(kind.rawValue), reason: "again"))
    }
    let expected: [[String?]] = ["crash", "release", "storage", "worker", "version_mismatch"].map {
      ["run_superseded", $0, #"{"reason":"why"}"#]
    }
    #expect(try await superseded() == expected)
    #expect(warnings.withLock { $0.isEmpty })
  }

  @Test func onlyRunsThatMayBeInTheStreamAreNamed() async throws {
    try end("none", eventsWritten: 0)
    try end("lost", eventsWritten: 0, mayHaveMore: true)
    try end("taken")
    await settle(.runAccepted(task("taken"), RunFigures(outcome: .success)))
    for runID in ["none", "lost", "taken"] { await settle(.runSuperseded(task(runID), reason: "lease")) }
    #expect(try await superseded().map { $0[1] } == ["lost"])
  }

  /// Without an end of the waiting this takes as long as the time limit of a try: an hour.
  @Test(.timeLimit(.minutes(5))) func aStreamThatHangsDoesNotKeepAProcessThatEnds() async throws {
    var settings = EventSinkSettings()
    settings.stream = StreamOptions(endpoint: try RedisEndpoint(url: server.url))
    settings.stream?.timeout = .seconds(3_600)
    let sinks = EventSinks(settings)
    let partition = try RunPartition(dataset: "d", source: "s", category: "c", day: "2026-11-25", runID: "r-1")
    var figures = SinkFigures(name: "redis", delivery: .mandatory)
    figures.mayHaveMore = true
    sinks.ended(task("r-1"), in: partition, figures: [figures])
    server.pause()
    sinks.settle(.runSuperseded(task("r-1"), reason: "lease")) { text in self.warnings.withLock { $0.append(text) } }
    await sinks.finish()
    #expect(warnings.withLock { $0.first?.contains("still shows run r-1") } == true)
    server.resume()
  }

  @Test func aStreamThatIsAwayIsSaidToShowTheRunStill() async throws {
    server.kill()
    var settings = EventSinkSettings()
    settings.stream = StreamOptions(endpoint: try RedisEndpoint(url: server.url))
    settings.stream?.timeout = .milliseconds(50)
    let impatient = EventSinks(settings)
    var figures = SinkFigures(name: "redis", delivery: .bestEffort)
    figures.eventsWritten = 1
    let partition = try RunPartition(dataset: "d", source: "s", category: "c", day: "2026-11-25", runID: "r-1")
    impatient.ended(task("r-1"), in: partition, figures: [figures])
    impatient.settle(.runSuperseded(task("r-1"), reason: "lease")) { text in self.warnings.withLock { $0.append(text) }
    }
    await impatient.finish()
    #expect(warnings.withLock { $0.count } == 1)
    #expect(warnings.withLock { $0.first?.contains("still shows run r-1") } == true)
  }
}
