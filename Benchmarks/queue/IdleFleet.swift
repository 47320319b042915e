import Foundation
import RedisClient
import TestSupport

/// A fleet of the program itself with nothing to do: processor time, and what it asks Redis.
struct IdleFleet {
  let quarry: String
  let seconds: Int

  func run() async throws {
    print("idle: a standing coordinator and two workers of four slots, \(seconds) s")
    let server = try RedisServer.start()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let folder = TemporaryDirectory()
    try FileManager.default.createDirectory(atPath: folder.path + "/data", withIntermediateDirectories: false)
    let coordinator = try await start("coordinator", server, folder, [], until: "leading the fleet")
    let workers = [
      try await start("worker", server, folder, ["--concurrency", "4"], until: "serves fleet"),
      try await start("worker", server, folder, ["--concurrency", "4"], until: "serves fleet"),
    ]
    let processes = [coordinator] + workers
    defer { for process in processes { process.sendToGroup(SIGKILL) } }
    try await Task.sleep(for: .seconds(5))
    let (before, times) = (try await ServerFigures.of(redis), try processes.map { try processorTime(of: $0.pid) })
    try await Task.sleep(for: .seconds(seconds))
    let spent = try await ServerFigures.of(redis) - before
    let used = try processes.enumerated().map { try processorTime(of: $1.pid) - times[$0] }
    func share(_ time: Double) -> String { "\((time / Double(seconds) * 100).text()) % of a core" }
    show("processor time of the coordinator", share(used[0]))
    show("processor time of a worker", share((used[1] + used[2]) / 2))
    show("processor time of Redis", share(spent.processor))
    show(
      "scripts that the fleet calls, and bytes to and from Redis",
      "\((Double(spent.scripts) / Double(seconds)).text()), \(spent.traffic / seconds) a second")
  }

  /// Returns when it says that it is there.
  private func start(
    _ command: String, _ server: RedisServer, _ folder: TemporaryDirectory, _ more: [String],
    until ready: String
  ) async throws -> RunningProcess {
    let process = try RunningProcess(
      quarry, [command, "--redis", server.url, "--fleet", "idle", "--storage-path", folder.path + "/data"] + more,
      directory: folder.path)
    try await process.waitForError(ready)
    return process
  }
}
