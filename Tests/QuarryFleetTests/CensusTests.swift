import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// What a census finds when something in Redis was bent by hand.
@Suite struct CensusTests {
  /// A job whose root is ready.
  private func bench() async throws -> QueueBench {
    let bench = try await QueueBench.make()
    try await bench.submit()
    return bench
  }

  private func problems(_ bench: QueueBench, after command: RedisCommand) async throws -> [String] {
    #expect(try await bench.census().isEmpty)
    _ = try await bench.raw.send(command)
    return try await Census.report(bench.queue).problems
  }

  @Test func aTaskThatALostListNoLongerHasIsNamed() async throws {
    let bench = try await bench()
    let list = bench.queue.keys.ready("default", "job", "")
    let found = try await problems(bench, after: ["DEL", .text(list)])
    #expect(found.contains { $0.contains("ready:default:job:") && $0.contains("has 0 tasks, 1 say so") }, "\(found)")
  }

  @Test func aKeyThatIsNoTaskIsNamed() async throws {
    let bench = try await bench()
    let key = bench.queue.keys.task("zzz")
    let found = try await problems(bench, after: ["SET", .text(key), "hi"])
    #expect(found.count == 1 && found[0].hasPrefix("the key \(key) is no task: WRONGTYPE"), "\(found)")
  }

  @Test func aTaskInTwoListsIsNamed() async throws {
    let bench = try await bench()
    let found = try await problems(
      bench, after: ["ZADD", .text(bench.queue.keys.leases), "1", "job-root"])
    #expect(found.contains("task job-root is ready, and the list of leases has it"), "\(found)")
    #expect(found.contains { $0.hasPrefix("leases has 1 tasks, 0 say so") })
  }

  @Test func aTaskTwiceInItsListIsNamed() async throws {
    let bench = try await bench()
    let list = bench.queue.keys.ready("default", "job", "")
    let found = try await problems(bench, after: ["RPUSH", .text(list), "job-root"])
    #expect(found.contains { $0.contains("has 2 tasks, 1 say so") }, "\(found)")
  }

  @Test func aStateThatNoListKnowsIsNamed() async throws {
    let bench = try await bench()
    let found = try await problems(
      bench, after: ["HSET", .text(bench.queue.keys.task("job-root")), "state", "done"])
    #expect(found.contains("task job-root is done, and the list of ready tasks has it"), "\(found)")
    #expect(found.contains("task job-root is done, and the list of done tasks lacks it"))
    let report = try await Census.report(bench.queue)
    #expect(!report.hasMoved && report.tasks == 1)
    #expect(report.jobs.map { [$0.listed[.ready], $0.told[.ready], $0.told[.done]] } == [[1, nil, 1]])
  }

  @Test func aCounterThatIsOffIsNamed() async throws {
    let bench = try await bench()
    let found = try await problems(
      bench, after: ["HINCRBY", .text(bench.queue.keys.job("job")), "dead", "1"])
    #expect(found == ["job job counts 1 dead, has 0"])
  }

  @Test func aSlotOfATaskThatIsGoneIsNamed() async throws {
    let bench = try await bench()
    let found = try await problems(
      bench, after: ["ZADD", .text(bench.queue.keys.prefix + "slots:a.example"), "1", "nobody"])
    #expect(found == ["slots:a.example has 1 tasks, 0 say so"])
  }

  /// Several pages of keys, of a list and of tasks, in all states at once.
  @Test func aWholeFleetAgrees() async throws {
    let bench = try await bench()
    try await bench.join("w")
    let root = try await bench.one("w")
    try await bench.start(root, "w")
    let work = (0..<1_200).map { bench.work($0, "https://\($0 % 3).example/\($0)", delay: $0 < 40 ? 600_000 : nil) }
    for start in stride(from: 0, to: work.count, by: 400) {
      try await bench.emit(Array(work[start..<start + 400]), by: root, "w")
    }
    try await bench.complete(root, "w", emitted: work.count)
    while try await bench.admit() > 0 {}
    for task in try await bench.claim("w", 20) {
      try await bench.start(task, "w")
      if task.taskID.last == "0" { try await bench.fail(task, .unrunnable, "w") }
    }
    let report = try await Census.report(bench.queue)
    #expect(report.problems == [] && !report.hasMoved && report.tasks == 1_201)
    #expect(report.jobs.first?.listed.filter { $0.value > 0 } == report.jobs.first?.told)
    #expect(report.jobs.first?.told[.scheduled] == 40)
  }

  @Test func aListThatNoClaimFindsIsNamed() async throws {
    let bench = try await bench()
    let found = try await problems(
      bench, after: ["DEL", .text(bench.queue.keys.prefix + "open:default:job")])
    #expect(found == ["ready:default:job: is out of reach: its host is neither open nor waiting nor busy"])
  }
}
