import QuarryCore
import QuarryFleet
import RedisClient
import TestSupport
import Testing

/// Redis comes back without the last that it was told, as after a power cut with `appendfsync everysec`: what was lost is done
/// again, and the ledger, which has it already, still names one run for each page.
@Suite(.timeLimit(.minutes(5))) struct LostSecondTests {
  /// What the ledger was told, in its order.
  private func settle(_ bench: QueueBench) async throws -> [LedgerEntry] {
    let entries = try await bench.queue.pendingEntries(olderThan: .zero, limit: 100)
    try await bench.queue.settle(entries, requestID: UUIDv7.make())
    return entries.map(\.entry)
  }

  /// The root, whose claim Redis still knows, derives a page; both run to their end.
  private func crawl(_ bench: QueueBench, _ root: TaskAssignment) async throws -> [LedgerEntry] {
    try await bench.emit([bench.work(0, "http://a/1")], by: root, "w")
    try await bench.complete(root, "w", emitted: 1)
    try await bench.admit()
    var entries = try await settle(bench)
    let page = try await bench.one("w")
    #expect(page.params.contains("http://a/1"))
    try await bench.complete(page, "w", emitted: 0)
    entries += try await settle(bench)
    return entries
  }

  @Test func aPageThatIsDerivedAgainCountsOnce() async throws {
    let server = try RedisServer.start()
    let bench = try await QueueBench.make(on: server)
    try await bench.join("w")
    try await bench.submit()
    let root = try await bench.one("w")
    try server.ask("SAVE")
    var entries = try await crawl(bench, root)

    try server.restart()
    let endpoint = try RedisEndpoint(url: server.url)
    let later = QueueBench(
      queue: try await FleetQueue.open(
        try await RedisConnection.connect(endpoint), fleet: bench.fleet, actor: "coordinator"),
      raw: try await RedisConnection.connect(endpoint), fleet: bench.fleet)
    #expect(try await later.state(root.taskID) == .leased, "Redis is where it was")
    for _ in 0..<2 {
      try await later.reap()
      try await later.advance(.seconds(31))
    }
    try await later.reap()
    let again = try await later.one("w")
    #expect(again.taskID == root.taskID && again.runID != root.runID)
    entries += try await crawl(later, again)

    var ledger = JobLedger(jobID: "job")
    for entry in entries { try ledger.apply(entry) }
    #expect(ledger.accepted.count == 2 && ledger.superseded.count == 2)
    #expect(ledger.accepted[root.taskID]?.runID == root.runID)
    #expect(try await later.status().admitted == 2)
    #expect(try await later.census().isEmpty)
  }
}
