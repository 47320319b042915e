import Foundation
import QuarryCore
import QuarryFleet
import RedisClient
import TestSupport

/// How long it takes until an idle worker, which is a process of its own, starts what was just made, against a bare
/// hand-over: LPUSH here, BLMOVE in another process.
struct PickUp {
  let samples: Int

  func run() async throws {
    print("pick-up: an idle worker, \(samples) tasks one after the other")
    let server = try RedisServer.start()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let folder = TemporaryDirectory()
    let fleet = try await BenchFleet(server.url, folder: folder.path, actor: "pusher")
    let bare = try await measure(folder, ["handover", server.url, folder.path + "/bare"]) { _ in
      _ = try await redis.send(["RPUSH", "waiting", "1"])
    }
    let log = folder.path + "/log"
    let root = try await measure(folder, ["work", server.url, folder.path, log, "4"]) { index in
      try await fleet.submit("job\(index)")
    }
    let derived = try await deriving(fleet, folder)
    for (name, times) in [
      ("bare BLMOVE", bare), ("a job's root", root), ("derived work, which a worker admits", derived),
    ] {
      let (median, tail) = (times.quantile(0.5), times.quantile(0.99))
      show("\(name): p50, p99", "\(median.text(0)), \(tail.text(0)) µs")
      show("  over bare BLMOVE", "\((median / bare.quantile(0.5)).text(1)), \((tail / bare.quantile(0.99)).text(1))")
    }
  }

  /// A run of another worker, which takes no tasks meanwhile, derives one task after the other.
  private func deriving(_ fleet: BenchFleet, _ folder: TemporaryDirectory) async throws -> [Double] {
    try await fleet.submit("deriving")
    let task = try await fleet.claimRoot()
    let log = folder.path + "/log"
    return try await measure(folder, ["work", fleet.url, folder.path, log, "4"]) { index in
      let work = DerivedWork(index: index, target: BenchFleet.target, params: "{\"n\":\(index)}")
      _ = try await fleet.queue.emit([work], by: task, workerID: fleet.queue.actor, requestID: UUIDv7.make())
      if index % 50 == 49 {
        _ = try await fleet.queue.renew([task], age: .zero, workerID: fleet.queue.actor, requestID: UUIDv7.make())
      }
    }
  }

  /// Microseconds from before `make` until the other process has noted the time, in the log that is its last but one or
  /// last argument.
  private func measure(
    _ folder: TemporaryDirectory, _ role: [String], make: (Int) async throws -> Void
  ) async throws -> [Double] {
    let log = TimeLog(role.first { $0.hasPrefix(folder.path + "/") } ?? "")
    let process = try RunningProcess(CommandLine.arguments[0], role)
    defer { process.sendToGroup(SIGKILL) }
    var times: [Double] = []
    for index in 0..<samples + 20 {
      let began = monotonic()
      try await make(index)
      times.append(Double(try await log.next() - began) / 1e3)
      // Until it waits again.
      try await Task.sleep(for: .milliseconds(Int.random(in: 8...15)))
    }
    return Array(times.dropFirst(20))
  }
}
