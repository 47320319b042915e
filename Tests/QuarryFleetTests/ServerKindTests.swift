import QuarryCore
import QuarryFleet
import RedisClient
import TestSupport
import Testing

/// The oldest Redis that a fleet may have, and Valkey. `scripts/setup --checks` installs both.
@Suite(.timeLimit(.minutes(5))) struct ServerKindTests {
  private func start(_ kind: RedisServer.Kind) throws -> RedisServer {
    var options = RedisServer.Options()
    options.kind = kind
    options.appendOnly = true
    // A restart loses nothing that was answered.
    options.more = ["--appendfsync", "always"]
    return try RedisServer.start(options)
  }

  @Test(arguments: [RedisServer.Kind.redis62, .valkey])
  func aCrawlGoesThroughARestartAndAFlush(_ kind: RedisServer.Kind) async throws {
    let server = try start(kind)
    let fixture = try CrawlFixture(on: server, address: server.url)
    let (tree, isBack) = (fixture.tree(pages: 31), Gate())
    let worker = try await fixture.worker("w1") { task, derived, control throws(QuarryError) in
      if fixture.succeeded.count >= 5 { isBack.wait() }
      if CrawlFixture.number(of: task) == 7, task.attempt == 1 {
        return .failed(.app, reason: "once", RunFigures(outcome: .scriptError))
      }
      return try tree(task, derived, control)
    }
    let summary = try await crawl(try await fixture.coordinator(fixture.request()), [worker]) {
      try await fixture.succeeded.wait(for: 5)
      try server.ask("SCRIPT", "FLUSH")
      try server.restart()
      isBack.open()
    }
    try expectExact(fixture, summary, pages: 31)
    #expect(summary.status.retried == 1)
    let queue = try await fixture.queue("reader")
    #expect(try await Census.take(queue) == [])
    #expect(try await queue.listTasks(limit: 100).count == 31)
  }

  @Test(arguments: [RedisServer.Kind.redis62, .valkey])
  func isAcceptedAndTakesTheUserOfTheGuide(_ kind: RedisServer.Kind) async throws {
    let server = try start(kind)
    try await RedisServerCheck.verify(try await RedisConnection.connect(RedisEndpoint(url: server.url)))
    let access = try AccessListTests()
    let fixture = try CrawlFixture(on: server, address: try await access.makeUser(on: server))
    let worker = try await fixture.worker("w1", fixture.tree(pages: 7))
    try expectExact(fixture, try await crawl(try await fixture.coordinator(fixture.request()), [worker]), pages: 7)
  }

  @Test(arguments: [RedisServer.Kind.redis62, .valkey])
  func transitionsAreTheSame(_ kind: RedisServer.Kind) async throws {
    let server = try start(kind)
    let bench = try await QueueBench.make(on: server)
    try await bench.submit(maxRuns: 40) { $0.politeness.hostConcurrency = 1 }
    for worker in ["w1", "w2"] { try await bench.join(worker) }
    try await bench.run("w1", emitting: (0..<30).map { "https://h\($0 % 3).test/\($0)" })
    try await bench.admit()
    let first = try await bench.claim("w1", 10)
    #expect(first.count == 3, "one for each host")
    try await bench.start(first[0], "w1")
    #expect(try await bench.fail(first[0], .app, "w1").next == "scheduled")
    try await bench.drain(["w1", "w2"]) { task in
      try await bench.start(task, "last")
      try await bench.complete(task, "last", emitted: 0)
    }
    #expect(try await bench.status().done == 31)
    #expect(try await bench.census() == [])
  }
}
