import Foundation
import QuarryCore
import TestSupport
import Testing

/// `quarry coordinator` and `quarry worker` over the embedded Redis, and what the reading commands say of them.
@Suite struct FleetCommandTests {
  static let tree = """
    export const config = { browser: false };
    export default async ({ job, emit }) => {
      const name = job.name ?? 'root';
      await emit.item({ item_type: 'node', data: { name } });
      if (job.fail) throw new Error('this page never works');
      for (const child of ['a', 'b']) await emit.enqueue({ target: 'tree.ts', params: { name: `${name}/${child}` } });
      if (name !== 'root') return;
      await emit.enqueue({ target: 'tree.ts', params: { name: 'dead', fail: true } });
      await emit.enqueue({ target: 'tree.ts', params: { name: 'forged' }, source: '_fleet' });
    };

    """

  /// Also where each member of the fleet stores in a form of its own.
  @Test(
    arguments: [
      (worker: [], coordinator: []),
      (
        worker: ["--storage-compression", "zstd", "--storage-checksum", "md5"],
        coordinator: ["--storage-compression", "gzip"]
      ),
    ] as [(worker: [String], coordinator: [String])])
  func aCrawlFromSubmissionToSummary(_ forms: (worker: [String], coordinator: [String])) async throws {
    let harness = try RunHarness()
    try harness.script("tree.ts", Self.tree)
    let environment = ["XDG_STATE_HOME": harness.path + "/state", "XDG_RUNTIME_DIR": harness.path]
    let common = ["--fleet", "t", "--storage-path", harness.data, "--script-root", harness.path]
    let worker = try harness.start(["worker", "--concurrency", "2"] + common + forms.worker, environment: environment)
    try await worker.waitForError("serves fleet 't' with 2 slots")
    let result = try await harness.start(
      [
        "coordinator", "--script", "tree.ts", "--job-id", "job-1", "--depth", "2", "--max-runs", "100", "--allow-dead",
        "2",
        "--attempts", "2", "--retry-base", "50ms", "--retry-cap", "50ms", "--lease", "10s",
      ] + common + forms.coordinator, environment: environment
    ).finish()
    #expect(result.exitCode == 0, "\(result.standardError)")
    let summary = try JSONParser.parse(result.standardOutput)
    #expect(summary["job_id"]?.string == "job-1")
    #expect(summary["state"]?.string == "succeeded")
    #expect(summary["done"]?.integer == 7)
    #expect(summary["dead"]?.integer == 2)
    #expect(summary["retried"]?.integer == 1)
    let deaths = (summary["deaths"]?.array ?? []).compactMap { $0["error"]?.string }
    #expect(deaths.contains { $0.contains("this page never works") })
    #expect(deaths.contains { $0.contains("'_fleet' is where fleets keep their ledgers") })

    try await expectLiveAnswers(harness, environment)
    worker.send(SIGTERM)
    let end = try await worker.finish(within: .seconds(40))
    #expect(end.exitCode == 0, "\(end.standardError)")
    #expect(end.standardOutput.isEmpty)
    try await expectStoredAnswers(harness)
    try await harness.expectSound()
    let endings = Set(try harness.files { $0.contains("/data/data") }.map { $0.split(separator: "/").last ?? "" })
    #expect(endings == (forms.worker.isEmpty ? ["data"] : ["data.zst", "data.gz"]))
  }

  private func expectLiveAnswers(_ harness: borrowing RunHarness, _ environment: [String: String]) async throws {
    func ask(_ arguments: String...) async throws -> JSONValue {
      let result = try await harness.start(arguments + ["--fleet", "t"], environment: environment).finish()
      #expect(result.exitCode == 0, "\(arguments): \(result.standardError)")
      return try JSONParser.parse(result.standardOutput)
    }
    let workers = try await ask("list", "workers").array ?? []
    #expect(workers.map { $0["state"]?.string } == ["up"])
    #expect(workers.first?["slots"]?.integer == 2)
    #expect(workers.first?["refused_jobs"]?.array?.isEmpty == true)
    let jobs = try await ask("list", "jobs").array ?? []
    #expect(jobs.map { $0["job_id"]?.string } == ["job-1"])
    #expect(jobs.first?["done"]?.integer == 7)
    #expect(try await ask("list", "tasks", "--state", "done").array?.count == 7)
    let worker = try #require(workers.first?["worker_id"]?.string)
    let shown = try await ask("inspect", "worker", worker)
    #expect(shown["state"] == "up" && shown["tasks"] == [])
    #expect(try await ask("list", "executors").array?.map { $0["executor_id"] } == [.string(worker)])
    let executor = try await ask("inspect", "executor", worker)
    #expect(executor["state"] == "idle" && executor["last_seen_at"]?.string != nil && executor["slots"] == 2)
    #expect(try await ask("stats", "executors") == ["total": 1, "running": 0, "idle": 1, "failed": 0])
    #expect(
      try await ask("stats", "tasks", "--job", "job-1")
        == ["total": 9, "running": 0, "succeeded": 7, "failed": 2, "cancelled": 0, "queued": 0])
    #expect(
      try await ask("stats", "runs") == ["total": nil, "running": 0, "succeeded": 7, "failed": nil])
    #expect(try await ask("stats", "jobs") == ["total": 1, "running": 0, "succeeded": 1, "failed": 0])
    let runs = try await ask("list", "runs", "--state", "succeeded").array ?? []
    #expect(runs.count == 7 && runs.allSatisfy { $0["run_id"]?.string != nil && $0["started_at"]?.string != nil })
    #expect(runs.allSatisfy { $0["source"] == "tree" && $0["category"] == "default" }, "\(runs)")
    let job = try await ask("inspect", "job", "job-1")
    #expect(job["state"] == "succeeded" && job["run_ids"]?.array?.count ?? 0 >= 8 && job["max_runs"] == 100)
    // The fleet and the dataset together: the fleet says which runs go on, and none does.
    let both = try await ask("list", "runs", "--state", "running", "--storage-path", harness.data)
    #expect(both == [])
    let missing = try await harness.start(
      ["inspect", "worker", worker + "x", "--fleet", "t"], environment: environment
    ).finish()
    #expect(missing.exitCode == 1 && missing.standardError.contains("did you mean '\(worker)'?"))
    let dead = try await ask("list", "tasks", "--state", "dead").array ?? []
    #expect(dead.count == 2)
    let failed = dead.first { $0["last_error"]?.string?.contains("never works") == true }
    let id = try #require(failed?["task_id"]?.string)
    let task = try await ask("inspect", "task", id)
    #expect(task["state"]?.string == "dead")
    #expect(task["last_error"]?.string?.contains("this page never works") == true)
    #expect(task["attempt"]?.integer == 2 && task["source"] == "tree" && task["category"] == "default")
  }

  /// Without Redis: from the dataset and its ledger.
  private func expectStoredAnswers(_ harness: borrowing RunHarness) async throws {
    let tasks = try await harness.read("list", "tasks").array ?? []
    #expect(tasks.filter { $0["state"]?.string == "done" }.count == 7)
    #expect(tasks.filter { $0["state"]?.string == "dead" }.count == 2)
    #expect(
      try await harness.read("stats", "tasks")
        == ["total": 9, "running": 0, "succeeded": 7, "failed": 2, "cancelled": 0, "queued": nil])
    #expect(try await harness.read("stats", "jobs") == ["total": 1, "running": 0, "succeeded": 0, "failed": 1])
    #expect(try await harness.read("stats", "runs", "--accepted")["succeeded"] == 7)
    #expect(try await harness.read("list", "tasks", "--state", "dead", "--limit", "1").array?.count == 1)
    let done = try #require(tasks.first { $0["state"]?.string == "done" })
    let task = try await harness.read("inspect", "task", done["task_id"]?.string ?? "")
    #expect(task["run_id"]?.string == done["run_id"]?.string)
    let run = try await harness.read("inspect", "run", done["run_id"]?.string ?? "")
    #expect(run["task_id"]?.string == done["task_id"]?.string)
    #expect(run["job_id"]?.string == "job-1")
    let job = try await harness.read("inspect", "job", "job-1")
    #expect(job["run_ids"]?.array?.count == 9)
    #expect(job["runs"]?.array?.count == 1)
    #expect(try await harness.read("list", "runs", "--job", "job-1").array?.count == 9)
    #expect(try await harness.read("list", "runs", "--accepted").array?.count == 7)
    // Nine runs of eight tasks stored an item; those of the task that died do not count.
    let items = try await harness.quarry(
      "cat", "--storage-path", harness.data, "--type", "item", "--field", "data.name")
    #expect(items.standardOutput.split(separator: "\n").count == 9)
    let counting = try await harness.quarry(
      "cat", "--storage-path", harness.data, "--accepted", "--job", "job-1", "--type", "item", "--field", "data.name",
      "--raw")
    let names = ["root", "root/a", "root/b", "root/a/a", "root/a/b", "root/b/a", "root/b/b"]
    #expect(counting.standardOutput.split(separator: "\n").map(String.init).sorted() == names.sorted())
  }

  @Test func aCoordinatorWithoutItsScriptMakesNothing() async throws {
    let harness = try RunHarness()
    let result = try await harness.quarry("coordinator", "--script", "nope.ts")
    #expect(result.exitCode == 2)
    #expect(result.standardError.contains("nope.ts"))
    #expect(!FileManager.default.fileExists(atPath: harness.path + "/quarry-data"))
  }

  @Test func aFleetThatIsNotThereIsNotMadeByLooking() async throws {
    let harness = try RunHarness()
    let environment = ["XDG_STATE_HOME": harness.path + "/state", "XDG_RUNTIME_DIR": harness.path]
    let result = try await harness.quarry("list", "workers", "--fleet", "nobody", environment: environment)
    #expect(result.exitCode == 2)
    #expect(result.standardError.contains("there is no fleet 'nobody'"))
    #expect(!FileManager.default.fileExists(atPath: harness.path + "/state"))
  }
}
