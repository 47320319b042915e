import Foundation
import QuarryCore
import QuarryFleet
import RedisClient
import TestSupport

/// No-op tasks straight through the scripts, by one process with as many calls under way as it has slots: what the queue
/// itself costs, without worker, ledger and notifications.
struct ScriptRates {
  let tasks: Int
  let slots: Int

  func run() async throws {
    let server = try RedisServer.start()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let bare = try await bareRate(server, redis)
    let folder = TemporaryDirectory()
    let fleet = try await BenchFleet(server.url, folder: folder.path, actor: "w")
    let before = try await ServerFigures.of(redis)
    let clock = ContinuousClock()
    let pushing = try await clock.measure { try await fleet.push(tasks, hosts: 50) }.inSeconds
    try await fleet.join(slots: slots)
    let draining = try await clock.measure { try await drain(fleet.queue) }.inSeconds
    let spent = try await ServerFigures.of(redis) - before
    let status = try await fleet.queue.status(jobID: "job")
    guard status.done == tasks + 1 else { fatalError("not all done: \(status)") }

    let count = Double(tasks)
    print("scripts: \(tasks) tasks that do nothing, by one process with \(slots) slots")
    show("bare EVALSHA, one connection", "\(Int(bare)) a second")
    show("emitted and admitted, over bare EVALSHA", (count / pushing / bare).text())
    show("claimed, started and completed, over bare EVALSHA", (count / draining / bare).text())
    show("all together, over bare EVALSHA", (count / (pushing + draining) / bare).text())
    show("script calls a task", (Double(spent.scripts) / count).text())
    show("time of scripts in Redis a task", "\((spent.scriptMicroseconds / count).text(0)) µs")
  }

  func drain(_ queue: FleetQueue) async throws {
    let first = try await queue.claim(workerID: "w", count: slots, requestID: UUIDv7.make()).tasks
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in first { group.addTask { try await work(queue, from: task) } }
      try await group.waitForAll()
    }
  }

  /// One slot: each completion brings the next task; records count as written in batches of 50.
  private func work(_ queue: FleetQueue, from first: TaskAssignment) async throws {
    var current: TaskAssignment? = first
    var entries: [PendingEntry] = []
    while let task = current {
      _ = try await queue.started([task], workerID: "w", requestID: UUIDv7.make())
      let run = RunCompletion(task: task, figures: RunFigures(outcome: .success), emitted: 0, claimsNext: true)
      let answer = try await queue.complete([run], workerID: "w", requestID: UUIDv7.make())[0]
      guard case .accepted(let entry, let next) = answer else { fatalError("refused: \(answer)") }
      if let entry { entries.append(entry) }
      current = next?.tasks.first
      if entries.count == 50 || current == nil {
        try await queue.settle(entries, requestID: UUIDv7.make())
        entries = []
      }
    }
  }
}
