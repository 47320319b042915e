import QuarryCore
import QuarryFleet
import Synchronization
import Testing

/// Real workers that are told how much memory they hold.
@Suite(.timeLimit(.minutes(5))) struct MemoryWatchTests {
  @Test func aWorkerThatStaysTooLargeWithNothingToDoEnds() async throws {
    let fixture = try CrawlFixture()
    let trims = Mutex(0)
    let worker = try await fixture.worker(
      "w1", memoryLimit: MemoryLimit(bytes: 100, resident: { 200 }, trim: { trims.withLock { $0 += 1 } })
    ) { _, _, _ in .accepted(RunFigures(outcome: .success)) }
    #expect(try await worker.run() == .outgrown(200))
    #expect(trims.withLock { $0 } >= 1)
  }

  @Test func whatTrimmingGivesBackIsNoReason() async throws {
    let fixture = try CrawlFixture()
    let held = Mutex(200)
    let trimmed = Recorder<Int>()
    let limit = MemoryLimit(
      bytes: 100, resident: { held.withLock { $0 } },
      trim: {
        held.withLock { $0 = 50 }
        trimmed.add(1)
      })
    let worker = try await fixture.worker("w1", memoryLimit: limit) { _, _, _ in
      .accepted(RunFigures(outcome: .success))
    }
    async let end = worker.run()
    try await trimmed.wait(for: 1)
    try await fixture.submit()
    try await fixture.waitUntilFinished("job")
    worker.drain()
    #expect(try await end == .drained)
    #expect(!fixture.workerNotices.all.contains { if case .memoryFull = $0 { true } else { false } })
  }
}
