import Foundation
import QuarryCore
import TestSupport
import Testing

/// SIGTERM to a worker whose Redis does not answer.
@Suite(.timeLimit(.minutes(5))) struct WorkerSignalTests {
  private static let endless = """
    export const config = { browser: false };
    export default async ({ emit }) => {
      await emit.item({ item_type: 'node', data: {} });
      await new Promise(() => setInterval(() => {}, 60_000));
    };

    """

  /// A worker that is in the middle of a run that never ends, then loses its Redis.
  private func cutOff(
    _ harness: borrowing RunHarness, _ redis: RedisServer, drainTimeout: String
  ) async throws -> RunningProcess {
    try harness.script("endless.ts", Self.endless)
    let common = [
      "--redis", redis.url, "--fleet", "t", "--storage-path", harness.data, "--script-root", harness.path,
    ]
    let worker = try harness.start(["worker", "--drain-timeout", drainTimeout] + common)
    try await worker.waitForError("serves fleet 't'", within: .seconds(120))
    let coordinator = try harness.start(["coordinator", "--script", "endless.ts", "--lease", "600s"] + common)
    try await worker.waitForError("of endless.ts started", within: .seconds(120))
    coordinator.send(SIGKILL)
    _ = try await coordinator.finish()
    redis.pause()
    return worker
  }

  @Test func theDrainTimeoutForcesTheEnd() async throws {
    let harness = try RunHarness()
    let redis = try RedisServer.start()
    let worker = try await cutOff(harness, redis, drainTimeout: "100ms")
    worker.send(SIGTERM)
    let end = try await worker.finish(within: .seconds(120))
    #expect(end.exitCode == 1, "\(end.standardError)")
    #expect(end.standardError.contains("ending without an answer: 1 run not given back"))
    let isQuiet = try harness.isQuiet
    #expect(isQuiet)
    try await harness.expectSound()
  }

  @Test func aSecondSignalKills() async throws {
    let harness = try RunHarness()
    let redis = try RedisServer.start()
    let worker = try await cutOff(harness, redis, drainTimeout: "1h")
    worker.send(SIGTERM)
    try await worker.waitForError("stopping: 1 run may end within")
    worker.send(SIGTERM)
    let end = try await worker.finish(within: .seconds(120))
    #expect(end.exitCode == 2, "\(end.standardError)")
    let isQuiet = try harness.isQuiet
    #expect(isQuiet)
    try await harness.expectSound()
  }
}

extension RunHarness {
  /// Whether no process has this folder in its command line.
  fileprivate var isQuiet: Bool {
    get throws {
      let processes = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }
      return !processes.contains { process in
        // A process that is gone by now has none.
        let line = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
        return line?.contains(path) == true
      }
    }
  }
}
