import Foundation
import QuarryCore
import QuarryFleet
import RedisClient
import TestSupport

/// What a queue costs as it grows tenfold and tenfold again: claims, memory, what people look at, what watches it.
struct Growth {
  let most: Int

  func run() async throws {
    for (name, hosts) in [("50 hosts", { _ in 50 }), ("a host each, one task at a time", { $0 })]
      as [(String, (Int) -> Int)]
    {
      print("growth: queued tasks of \(name)")
      var size = 1_000
      while size <= most {
        try await measure(size, hosts: hosts(size))
        size *= 10
      }
    }
  }

  private func measure(_ size: Int, hosts: Int) async throws {
    let server = try RedisServer.start()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let folder = TemporaryDirectory()
    let fleet = try await BenchFleet(server.url, folder: folder.path, actor: "w")
    let before = try await ServerFigures.of(redis)
    let pushing = try await ContinuousClock().measure {
      try await fleet.push(size, hosts: hosts, hostConcurrency: hosts == size ? 1 : nil)
    }.inSeconds
    let memory = (try await ServerFigures.of(redis) - before).memory / size
    try await fleet.join(slots: 200)
    show("\(size) tasks: emitted and admitted a second", "\(Int(Double(size) / pushing))")
    show("memory in Redis a queued task", "\(memory) bytes")
    try await views(fleet)
    // Last, when the server has given back what the root's long list of derived work took.
    try await claims(fleet, redis)
  }

  /// 200 claims of one task each, then their completions, which claim nothing: medians, so that a moment in which the
  /// machine did something else does not count.
  private func claims(_ fleet: BenchFleet, _ redis: RedisConnection) async throws {
    var tasks: [TaskAssignment] = []
    let claim = try await scriptTime(redis) {
      tasks += try await fleet.queue.claim(workerID: "w", count: 1, requestID: UUIDv7.make()).tasks
    }
    guard tasks.count == 200 else { fatalError("\(tasks.count) of 200 claims brought a task") }
    let complete = try await scriptTime(redis) {
      _ = try await fleet.queue.complete(
        [RunCompletion(task: tasks.removeLast(), figures: RunFigures(outcome: .success), emitted: 0)],
        workerID: "w", requestID: UUIDv7.make())
    }
    show("claim, complete: time in Redis", "\(claim), \(complete) µs")
  }

  private func scriptTime(_ redis: RedisConnection, _ call: () async throws -> Void) async throws -> String {
    var times: [Double] = []
    var before = try await ServerFigures.of(redis)
    for _ in 0..<200 {
      try await call()
      let after = try await ServerFigures.of(redis)
      times.append((after - before).scriptMicroseconds)
      before = after
    }
    return times.quantile(0.5).text(0)
  }

  private func views(_ fleet: BenchFleet) async throws {
    let queue = fleet.queue
    let list = try await milliseconds { _ = try await queue.listTasks(limit: 50) }
    let jobs = try await milliseconds { _ = try await queue.jobs(limit: 50) }
    let state = try await milliseconds { _ = try await queue.queueView() }
    let figures = try await milliseconds { _ = try await queue.figures() }
    show("list of 50 tasks, of jobs, queue by lane and host, metrics", "\(list), \(jobs), \(state), \(figures) ms")
    let clock = ContinuousClock()
    var problems: [String] = []
    let census = try await clock.measure { problems = try await Census.report(queue).problems }.inSeconds
    guard problems.isEmpty else { fatalError("the census found: \(problems.prefix(5))") }
    show("census", "\(census.text()) s")
  }

  private func milliseconds(_ body: () async throws -> Void) async throws -> String {
    var times: [Double] = []
    for _ in 0..<21 { times.append(try await ContinuousClock().measure(body).inSeconds * 1e3) }
    return times.quantile(0.5).text()
  }
}
