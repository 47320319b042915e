import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// Who is served next: lanes, jobs and hosts.
@Suite(.timeLimit(.minutes(5))) struct QueueFairnessTests {
  /// A job whose root has emitted tasks on these hosts; the root stays leased.
  private func fill(_ bench: QueueBench, _ job: String, _ urls: [String], lane: String? = nil) async throws {
    try await bench.submit(job, lane: "high")
    let root = try await bench.one("filler")
    #expect(root.jobID == job)
    try await bench.emit(urls.enumerated().map { bench.work($0, $1, lane: lane) }, by: root, "filler")
    while try await bench.admit() > 0 {}
  }

  private func bench() async throws -> QueueBench {
    let bench = try await QueueBench.make()
    try await bench.join("filler")
    try await bench.join("w")
    return bench
  }

  @Test func jobsOfALaneAreServedInTurnHoweverMuchTheyHold() async throws {
    let bench = try await bench()
    try await fill(bench, "big", (0..<50).map { "http://h\($0 % 10)/\($0)" })
    try await fill(bench, "small", (0..<5).map { "http://h0/\($0)" })
    let order = try await bench.claim("w", 10).map(\.jobID)
    #expect(order.filter { $0 == "small" }.count == 5, "\(order)")
    #expect(try await bench.census().isEmpty)
  }

  @Test func whatLiesInOneListComesInItsOrder() async throws {
    let bench = try await bench()
    try await fill(bench, "job", (0..<12).map { "http://only/\($0)" })
    let before = try await bench.raw.send(["HGET", .text(bench.meta), "served"]).int ?? 0
    let pages = try await bench.claim("w", 10).map(\.params)
    #expect(pages == (0..<10).map { "{\"url\":\"http://only/\($0)\"}" })
    #expect(try await bench.raw.send(["HGET", .text(bench.meta), "served"]).int == before + 10)
    #expect(try await bench.claim("w", 10).count == 2)
    #expect(try await bench.census().isEmpty)
  }

  @Test func ofOneListAJobIsGivenNoMoreThanItMayRun() async throws {
    let bench = try await bench()
    try await fill(bench, "job", (0..<12).map { "http://only/\($0)" })
    try await bench.set(bench.queue.keys.job("job"), ["concurrency": 4])
    // The root is one of the four.
    let first = try await bench.claim("w", 10)
    #expect(first.count == 3)
    try await bench.complete(first[0], "w")
    #expect(try await bench.claim("w", 10).count == 1)
    #expect(try await bench.census().isEmpty)
  }

  @Test func hostsOfAJobAreServedInTurn() async throws {
    let bench = try await bench()
    let urls = (0..<20).map { "http://crowded/\($0)" } + ["http://b/", "http://c/", "http://d/"]
    try await fill(bench, "job", urls)
    let first = try await bench.claim("w", 4)
    var hosts: Set<String> = []
    for task in first { hosts.insert(try #require(try await bench.queue.task(task.taskID)?.task.host)) }
    #expect(hosts == ["crowded", "b", "c", "d"])
  }

  @Test func highGoesFirstAndLowIsNeverStarved() async throws {
    let bench = try await bench()
    for job in ["high", "default", "low"] { try await bench.submit(job) }
    for root in try await bench.claim("filler", 3) {
      try await bench.emit(
        (0..<60).map { bench.work($0, "http://\(root.jobID)/\($0)", lane: root.jobID) }, by: root, "filler")
    }
    try await bench.admit()
    let order = try await bench.claim("w", 48).map(\.jobID)
    let counts = Dictionary(grouping: order, by: \.self).mapValues(\.count)
    #expect(counts == ["low": 3, "default": 12, "high": 33])
  }

  @Test func aLowTaskThatWaitsIsServedHoweverManyHighOnesKeepComing() async throws {
    let bench = try await bench()
    try await bench.submit("patient")
    let root = try await bench.one("filler")
    try await bench.emit([bench.work(0, "http://low/", lane: "low")], by: root, "filler")
    try await bench.admit()
    try await bench.submit("flood", lane: "high")
    let flood = try await bench.one("filler")
    #expect(flood.jobID == "flood")
    var served: [String] = []
    for index in 0..<16 where !served.contains("patient") {
      try await bench.emit(
        (0..<3).map { bench.work(index * 3 + $0, "http://new\(index)/\($0)", lane: "high") }, by: flood, "filler")
      try await bench.admit()
      served += try await bench.claim("w", 2).map(\.jobID)
    }
    #expect(served.contains("patient"), "\(served)")
  }

  @Test func nothingIsHandedOutWhilePaused() async throws {
    let bench = try await bench()
    try await bench.submit()
    _ = try await bench.raw.send(["HSET", .text(bench.meta), "paused", "1"])
    let answer = try await bench.queue.claim(workerID: "w", count: 1, requestID: "1")
    #expect(answer.isPaused && answer.tasks.isEmpty)
    #expect(try await bench.queue.task("job-root")?.gate == .paused)
    _ = try await bench.raw.send(["HSET", .text(bench.meta), "paused", "0"])
    #expect(try await bench.claim("w").count == 1)
  }

  @Test(
    arguments: [
      ("http://User:pw@Example.COM:8080/x?y", "example.com"), ("https://[::1]:8443/", "[::1]"), ("ftp://h", "h"),
      ("not a url", nil), ("http:///x", nil), ("//x", nil),
    ] as [(String, String?)])
  func theHostOfAUrlHasNoPortAndNoUser(_ url: String, _ host: String?) {
    #expect(WorkHost.of(params: ["url": .string(url)]) == host)
  }
}
