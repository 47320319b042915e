import QuarryCore
import QuarryFleet
import RedisClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct SentinelTests {
  @Test func aCrawlGoesOnWhereItsPrimaryIsKilled() async throws {
    let servers = try await SentinelSet.start()
    let fixture = try CrawlFixture(on: servers.primary, address: servers.url)
    let (tree, isKilled) = (fixture.tree(pages: 31), Gate())
    let worker = try await fixture.worker("w1") { task, derived, control throws(QuarryError) in
      if fixture.succeeded.count >= 5 { isKilled.wait() }
      return try tree(task, derived, control)
    }
    let coordinator = try await fixture.coordinator(fixture.request())
    let summary = try await crawl(coordinator, [worker]) {
      try await fixture.succeeded.wait(for: 5)
      servers.primary.kill()
      isKilled.open()
    }
    #expect(summary.exitCode == 0)
    // What the replica had not got when the primary died is done again, and counts once.
    let ledger = try fixture.jobLedger(summary.jobID)
    #expect(Set(ledger.accepted.values.map(\.task.work.params)).count == 31)
    #expect(summary.status.done == 31 && ledger.accepted.count == 31)
    let promoted = try await RedisConnection.connect(RedisEndpoint(url: servers.replica.url))
    #expect(try await promoted.send(["ROLE"])[0]?.text == "master")
    #expect(try await Census.take(fixture.queue("reader")) == [])
  }

  @Test func saysWhatTheSentinelsDoNotKnow() async throws {
    let servers = try await SentinelSet.start()
    let list = servers.ports.map { "127.0.0.1:\($0)" }.joined(separator: ",")
    for (url, fragment) in [
      ("redis+sentinel://:hunter2@\(list)/other", "watches no 'other'"),
      ("redis+sentinel://127.0.0.1:1/shop", "127.0.0.1:1"),
      ("redis+sentinel://\(list)/shop?sentinel_password=hunter2", "sentinel_password"),
    ] {
      let error = await #expect(throws: RedisError.self) {
        try await RedisConnection.connect(RedisEndpoint(url: url))
      }
      #expect(error?.description.contains(fragment) == true, "\(String(describing: error))")
      #expect(error?.description.contains("hunter2") == false)
    }
    // A sentinel that is away is passed over.
    let redis = try await RedisConnection.connect(RedisEndpoint(url: "redis+sentinel://127.0.0.1:1,\(list)/shop"))
    #expect(try await redis.send(["ROLE"])[0]?.text == "master")
  }
}
