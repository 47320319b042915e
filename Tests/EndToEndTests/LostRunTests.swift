import Foundation
import QuarryCore
import TestSupport
import Testing

/// A worker of a fleet is killed with its run: who says so, and when.
@Suite(.timeLimit(.minutes(10))) struct LostRunTests {
  private static let script = """
    export const config = { browser: false };
    export default async ({ run, emit }) => {
      await emit.item({ item_type: 'attempt', data: { attempt: run.attempt } });
      if (run.attempt === 1) await new Promise((resolve) => setTimeout(resolve, 600_000));
    };

    """

  @Test func aRunIsHeldUntilItsLeaseIsOverAndThenLost() async throws {
    let harness = try RunHarness()
    try harness.script("once.ts", Self.script)
    let environment = ["XDG_STATE_HOME": harness.path + "/state", "XDG_RUNTIME_DIR": harness.path]
    let common = ["--fleet", "t", "--storage-path", harness.data, "--script-root", harness.path]
    let first = try harness.start(["worker"] + common, environment: environment)
    try await first.waitForError("serves fleet 't'")
    let coordinator = try harness.start(
      [
        "coordinator", "--script", "once.ts", "--job-id", "j", "--lease", "6s", "--heartbeat", "1s", "--crash-base",
        "50ms",
      ] + common, environment: environment)
    while try await harness.read("list", "runs").array?.isEmpty != false {
      try await Task.sleep(for: .milliseconds(20))
    }
    func ask(_ arguments: String...) async throws -> JSONValue {
      let result = try await harness.start(arguments + common.prefix(4), environment: environment).finish()
      #expect(result.exitCode == 0, "\(arguments): \(result.standardError)")
      return try JSONParser.parse(result.standardOutput)
    }
    // Held, however silent it is.
    let held = try await ask("list", "runs", "--lost-after", "1ms").array ?? []
    let lost = try #require(held.first?["run_id"]?.string)
    #expect(held.map { $0["state"] } == ["running"])
    #expect(try await ask("inspect", "run", lost, "--lost-after", "1ms")["state"] == "running")
    first.send(SIGKILL)
    _ = try await first.finish()

    let second = try harness.start(["worker"] + common, environment: environment)
    let crawl = try await coordinator.finish(within: .seconds(120))
    #expect(crawl.exitCode == 0, "\(crawl.standardError)")
    #expect(try await ask("inspect", "run", lost)["state"] == "lost")
    #expect(try await ask("stats", "runs") == ["total": 2, "running": 0, "succeeded": 1, "failed": 0, "lost": 1])
    second.send(SIGTERM)
    _ = try await second.finish()

    let counting = try await harness.read("list", "runs", "--accepted").array?.first?["run_id"]?.string ?? ""
    #expect(try await harness.read("inspect", "run", counting)["accepted"] == true)
    #expect(try await harness.read("inspect", "run", lost)["accepted"] == false)

    // Without Redis: the ledger says that the task has ended by another run.
    #expect(try await harness.read("inspect", "run", lost)["state"] == "lost")
    #expect(try await harness.read("list", "runs", "--state", "running") == [])
    #expect(try await harness.read("inspect", "job", "j")["state"] == "succeeded")
    #expect(try await harness.read("stats", "jobs")["succeeded"] == 1)
    try await harness.expectSound()
  }

  @Test func aScriptWhoseWorkerDiesBeforeItsFirstEventIsCharged() async throws {
    let harness = try RunHarness()
    try harness.script(
      "silent.ts",
      "export const config = { browser: false };\nexport default () => new Promise((end) => setTimeout(end, 600_000));\n"
    )
    let environment = ["XDG_STATE_HOME": harness.path + "/state", "XDG_RUNTIME_DIR": harness.path]
    let common = ["--fleet", "t", "--storage-path", harness.data, "--script-root", harness.path]
    let worker = try harness.start(["worker"] + common, environment: environment)
    try await worker.waitForError("serves fleet 't'")
    let coordinator = try harness.start(
      ["coordinator", "--script", "silent.ts", "--lease", "6s", "--heartbeat", "1s", "--crashes", "1"] + common,
      environment: environment)
    func ask(_ arguments: String...) async throws -> JSONValue {
      let result = try await harness.start(arguments + ["--fleet", "t"], environment: environment).finish()
      #expect(result.exitCode == 0, "\(arguments): \(result.standardError)")
      return try JSONParser.parse(result.standardOutput)
    }
    var task = JSONValue.null
    while task["attempt"]?.integer ?? 0 == 0 {
      try await Task.sleep(for: .milliseconds(20))
      guard let id = try await ask("list", "tasks").array?.first?["task_id"]?.string else { continue }
      task = try await ask("inspect", "task", id)
    }
    worker.send(SIGKILL)
    _ = try await worker.finish()
    let crawl = try await coordinator.finish(within: .seconds(120))
    #expect(crawl.exitCode == 1, "\(crawl.standardError)")
    let dead = try await ask("inspect", "task", task["task_id"]?.string ?? "")
    #expect(dead["state"] == "dead" && dead["crashes"] == "1 of 1", "\(dead)")
  }
}
