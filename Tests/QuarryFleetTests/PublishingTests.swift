import QuarryCore
import QuarryFleet
import RedisClient
import Synchronization
import Testing

/// Notifications are never dropped: what is not sent stays in the fleet, is tried again, and is said.
@Suite(.timeLimit(.minutes(5))) struct PublishingTests {
  @Test func whatFailsIsTriedAgainWarnedOfOnceAndCounted() async throws {
    let fixture = try CrawlFixture()
    let refusals = Mutex(3)
    try await fixture.submit()
    let worker = try await fixture.worker(
      "w1",
      publish: { json throws(QuarryError) in
        let isRefused = refusals.withLock { left in
          defer { left = max(0, left - 1) }
          return left > 0
        }
        if isRefused { throw QuarryError(.redis, "no channel") }
        fixture.published.add(json)
      }, fixture.tree(pages: 3))
    async let end = worker.run()
    try await fixture.waitUntilFinished("job")
    worker.drain()
    #expect(try await end == .drained)
    #expect(fixture.published.count == 3)
    let changes = fixture.workerNotices.all.compactMap { if case .publishing(let change) = $0 { change } else { nil } }
    #expect(changes == [.failing("no channel"), .recovered(failures: 3)])
  }

  @Test func whatWasSentIsAcknowledgedBeforeTheNextOneIsWaitedFor() async throws {
    let fixture = try CrawlFixture()
    let first = Mutex<String?>(nil)
    let isOpen = Mutex(false)
    try await fixture.submit()
    let worker = try await fixture.worker(
      "w1",
      publish: { json throws(QuarryError) in
        let isFirst = first.withLock { first in
          first = first ?? json
          return first == json
        }
        guard isFirst || isOpen.withLock({ $0 }) else { throw QuarryError(.redis, "no channel") }
        fixture.published.add(json)
      }, fixture.tree(pages: 3))
    async let end = worker.run()
    try await fixture.waitUntil("job") { $0.done == 3 && $0.unsettled == 0 && $0.unpublished == 2 }
    #expect(Set(fixture.published.all).count == 1)
    isOpen.withLock { $0 = true }
    try await fixture.waitUntilFinished("job")
    worker.drain()
    #expect(try await end == .drained)
    #expect(Set(fixture.published.all).count == 3)
  }

  @Test func whatAWorkerCouldNotSendIsThereForTheNext() async throws {
    let fixture = try CrawlFixture()
    try await fixture.submit()
    let first = try await fixture.worker(
      "w1", publish: { _ throws(QuarryError) in throw QuarryError(.redis, "no channel") }, fixture.tree(pages: 1))
    async let end = first.run()
    try await fixture.workerNotices.wait { $0.contains(.publishing(.failing("no channel"))) }
    first.drain()
    #expect(try await end == .drained)
    let status = try await fixture.queue("reader").status(jobID: "job")
    #expect(status.unpublished == 1 && !status.isFinished)
    let second = try await fixture.worker("w2", fixture.tree(pages: 1))
    async let next = second.run()
    try await fixture.waitUntilFinished("job")
    second.drain()
    #expect(try await next == .drained)
    #expect(Set(fixture.published.all).count == 1)
  }

  /// Also while nothing is to be sent, and the worker waits in Redis for it.
  @Test func aStreamThatSomebodyTakesAwayEndsNoWorker() async throws {
    let fixture = try CrawlFixture()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: fixture.redis.url))
    let stream = RedisArgument.text(try await fixture.queue("reader").keys.notifications)
    let worker = try await fixture.worker("w1", fixture.tree(pages: 3))
    async let end = worker.run()
    for (job, bend) in [("one", ["DEL", stream]), ("two", ["SET", stream, "bent"])] as [(String, RedisCommand)] {
      try await fixture.submit(job)
      try await fixture.waitUntilFinished(job)
      _ = try await redis.send(bend)
    }
    try await fixture.submit("three")
    try await fixture.waitUntilFinished("three")
    worker.drain()
    #expect(try await end == .drained)
    #expect(Set(fixture.published.all).count == 9)
  }
}
