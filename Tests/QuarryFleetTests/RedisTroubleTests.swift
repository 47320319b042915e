import QuarryCore
import QuarryFleet
import RedisClient
import TestSupport
import Testing

/// Crawls over a Redis that does what Redis does in the field. Each ends exact.
@Suite(.timeLimit(.minutes(5))) struct RedisTroubleTests {
  @Test func scriptsAreFlushedAllTheTime() async throws {
    let fixture = try CrawlFixture()
    let tree = fixture.tree(pages: 31)
    let raw = try await RedisConnection.connect(RedisEndpoint(url: fixture.redis.url))
    let worker = try await fixture.worker("w1") { task, derived, control throws(QuarryError) in
      do throws(RedisError) { _ = try raw.sendBlocking(["SCRIPT", "FLUSH"], timeout: .seconds(60)) } catch {
        throw QuarryError(.redis, error.message)
      }
      return try tree(task, derived, control)
    }
    let summary = try await crawl(try await fixture.coordinator(fixture.request()), [worker])
    try expectExact(fixture, summary, pages: 31)
  }

  @Test func memoryIsFullAndIsSaid() async throws {
    let fixture = try CrawlFixture()
    let (tree, isFull) = (fixture.tree(pages: 31), Gate())
    let worker = try await fixture.worker("w1") { task, derived, control throws(QuarryError) in
      if fixture.succeeded.count >= 5 { isFull.wait() }
      return try tree(task, derived, control)
    }
    let summary = try await crawl(try await fixture.coordinator(fixture.request()), [worker]) {
      try await fixture.succeeded.wait(for: 5)
      try fixture.redis.ask("CONFIG", "SET", "maxmemory", "1")
      isFull.open()
      try await fixture.workerNotices.wait {
        $0.contains { if case .redis(.refuses(let why)) = $0 { why.contains("has no memory left") } else { false } }
      }
      try fixture.redis.ask("CONFIG", "SET", "maxmemory", "0")
    }
    try expectExact(fixture, summary, pages: 31)
  }

  @Test func everyConnectionHangsAtOnce() async throws {
    var options = RedisServer.Options()
    options.listensOnTCP = true
    let redis = try RedisServer.start(options)
    let proxy = try FaultProxy(to: redis.port)
    let fixture = try CrawlFixture(on: redis, address: "redis://127.0.0.1:\(proxy.port)")
    let (tree, hangs) = (fixture.tree(pages: 31), Gate())
    let worker = try await fixture.worker("w1") { task, derived, control throws(QuarryError) in
      if fixture.succeeded.count >= 5 { hangs.wait() }
      return try tree(task, derived, control)
    }
    let summary = try await crawl(try await fixture.coordinator(fixture.request()), [worker]) {
      try await fixture.succeeded.wait(for: 5)
      #expect(proxy.hang() > 2)
      hangs.open()
    }
    try expectExact(fixture, summary, pages: 31)
  }

  @Test func itsUserLosesItsRightsForAWhile() async throws {
    let fixture = try CrawlFixture()
    let (tree, isDenied) = (fixture.tree(pages: 31), Gate())
    let worker = try await fixture.worker("w1") { task, derived, control throws(QuarryError) in
      if fixture.succeeded.count >= 5 { isDenied.wait() }
      return try tree(task, derived, control)
    }
    let summary = try await crawl(try await fixture.coordinator(fixture.request()), [worker]) {
      try await fixture.succeeded.wait(for: 5)
      try fixture.redis.ask("ACL", "SETUSER", "default", "-evalsha")
      isDenied.open()
      try await fixture.workerNotices.wait { $0.contains { $0.description.contains("denies a command") } }
      try fixture.redis.ask("ACL", "SETUSER", "default", "+evalsha")
    }
    try expectExact(fixture, summary, pages: 31)
  }

  @Test func aRunWhoseLeaseCannotBeRenewedIsStopped() async throws {
    let fixture = try CrawlFixture()
    let (tree, stops) = (fixture.tree(pages: 1), Recorder<RunControl.StopReason?>())
    let worker = try await fixture.worker("w1") { task, derived, control throws(QuarryError) in
      guard stops.count == 0 else { return try tree(task, derived, control) }
      control.markStarted()
      control.waitForStop()
      stops.add(control.stopReason)
      return .failed(.release, reason: "stopped", RunFigures(outcome: nil))
    }
    let request = fixture.request { $0.timing = LeaseTiming(lease: .seconds(6), heartbeat: .milliseconds(300)) }
    let summary = try await crawl(try await fixture.coordinator(request), [worker]) {
      try await fixture.workerNotices.wait {
        $0.contains { if case .runStarted = $0 { true } else { false } }
      }
      try fixture.redis.ask("ACL", "SETUSER", "default", "-evalsha")
      try await stops.wait(for: 1)
      try fixture.redis.ask("ACL", "SETUSER", "default", "+evalsha")
    }
    #expect(stops.all == [.leaseLost])
    #expect(summary.exitCode == 0 && fixture.succeeded.count >= 1)
  }
}
