import Foundation
import QuarryCore
import TestSupport
import Testing

/// People and the fleet: submit, pause, cancel, requeue, drain, take-over, Ctrl-C and a Redis that was lost, with real
/// processes.
@Suite(.timeLimit(.minutes(10))) struct FleetControlTests {
  /// A tree of 31 pages; those at depth 3 and below wait for the file `go`.
  private static let tree = """
    import { existsSync } from 'node:fs';
    export const config = { browser: false };
    export default async ({ job, emit }) => {
      const name = job.name ?? 'root';
      const depth = name.split('/').length - 1;
      while (depth > 2 && !existsSync('go')) await new Promise((done) => setTimeout(done, 20));
      await emit.item({ item_type: 'node', data: { name } });
      if (depth < 4) for (const child of ['a', 'b']) await emit.enqueue({ target: 'tree.ts', params: { name: `${name}/${child}` } });
    };

    """
  private static let hang = """
    export const config = { browser: false };
    export default async ({ job, emit }) => {
      if (!job.hangs) return emit.enqueue({ target: 'hang.ts', params: { hangs: true } });
      await emit.item({ item_type: 'node', data: { name: 'begun' } });
      await new Promise(() => setInterval(() => {}, 1000));
    };

    """
  private static let broken = """
    import { existsSync } from 'node:fs';
    export const config = { browser: false };
    export default async ({ emit }) => {
      if (!existsSync('fixed')) throw new Error('this page is broken');
      await emit.item({ item_type: 'node', data: { name: 'fixed' } });
    };

    """

  private struct Fleet: ~Copyable {
    let harness: RunHarness
    let redis: RedisServer
    var common: [String] { ["--redis", redis.url, "--fleet", "t"] }
    var storing: [String] { ["--storage-path", harness.data, "--script-root", harness.path] }

    init() throws {
      let harness = try RunHarness()
      try harness.script("tree.ts", FleetControlTests.tree)
      try harness.script("hang.ts", FleetControlTests.hang)
      try harness.script("broken.ts", FleetControlTests.broken)
      redis = try RedisServer.start()
      self.harness = harness
    }

    func worker(_ slots: Int = 2) async throws -> RunningProcess {
      let worker = try harness.start(["worker", "--concurrency", "\(slots)"] + common + storing)
      try await worker.waitForError("serves fleet 't'", within: .seconds(120))
      return worker
    }

    /// Long leases with a short heartbeat: a busy machine loses no lease, and a command arrives soon.
    func coordinator(_ arguments: String...) throws -> RunningProcess {
      try harness.start(
        ["coordinator", "--lease", "60s", "--heartbeat", "1s", "--attempts", "1"] + arguments + common + storing)
    }

    func resumed(_ arguments: String...) throws -> RunningProcess {
      try harness.start(["coordinator"] + arguments + common + storing)
    }

    /// The commands that were named on lines of their own, without the program's name.
    func hints(in text: String) -> [String] {
      text.split(separator: "\n").compactMap { line in
        line.firstRange(of: "quarry ").map { String(line[$0.upperBound...]) }
      }
    }

    func typed(_ command: String) throws -> RunningProcess {
      try harness.start(command.split(separator: " ").map(String.init))
    }

    func ask(_ arguments: [String], exitCode: Int32 = 0) async throws -> JSONValue {
      let result = try await harness.start(arguments + common + ["--format", "json"]).finish(within: .seconds(120))
      #expect(result.exitCode == exitCode, "\(arguments): \(result.standardError)")
      return result.standardOutput.isEmpty ? .null : try JSONParser.parse(result.standardOutput)
    }

    func ask(_ arguments: String...) async throws -> JSONValue { try await ask(arguments) }

    /// Asks until the answer is as it should be, or the test's time is over.
    func wait(_ arguments: String..., until condition: (JSONValue) -> Bool) async throws {
      while try await !condition(ask(arguments)) { try await Task.sleep(for: .milliseconds(100)) }
    }

    /// Until all slots are taken by pages that wait for the file `go`, and what the others have found is admitted.
    /// Which pages those are is a matter of luck.
    ///
    /// - Returns: how many pages are done.
    func waitUntilAllSlotsWait(_ job: String, slots: Int) async throws -> Int {
      while true {
        let tasks = try await ask("list", "tasks", "--job", job).array ?? []
        let done = tasks.filter { $0["state"] == "done" }.count
        let waiting = tasks.filter { $0["state"] == "leased" && ($0["depth"]?.integer ?? 0) > 2 }.count
        if waiting == slots, tasks.count == 1 + 2 * done { return done }
        try await Task.sleep(for: .milliseconds(100))
      }
    }

    func waitUntilEnded(_ job: String) async throws {
      try await wait("inspect", "job", job) { $0["state"] != "running" }
    }

    func touch(_ name: String) throws { try harness.script(name, "") }

    func names(_ job: String) async throws -> [String] {
      let result = try await harness.quarry(
        "cat", "--storage-path", harness.data, "--accepted", "--job", job, "--type", "item", "--field", "data.name",
        "--raw")
      return result.standardOutput.split(separator: "\n").map(String.init).sorted()
    }
  }

  private static let all = pages(from: "root", depth: 4)

  private static func pages(from name: String, depth: Int) -> [String] {
    guard depth > 0 else { return [name] }
    return [name] + pages(from: name + "/a", depth: depth - 1) + pages(from: name + "/b", depth: depth - 1)
  }

  @Test func aStandingFleetIsPausedResumedCancelledRequeuedAndDrained() async throws {
    let fleet = try Fleet()
    let coordinator = try fleet.coordinator("--host-max-pages", "900", "--job-concurrency", "50")
    try await coordinator.waitForError("leading the fleet", within: .seconds(120))
    let workers = [try await fleet.worker(), try await fleet.worker()]
    try fleet.touch("go")

    #expect(try await fleet.ask("pause", "fleet")["changed"] == true)
    let submit = [
      "submit", "--script", "tree.ts", "--key", "mine", "--depth", "4", "--wait", "60s", "--job-concurrency", "30",
    ]
    let submitted = try await fleet.ask(submit)
    let job = try #require(submitted["job_id"]?.string)
    #expect(submitted["state"] == "submitted")
    #expect(try await fleet.ask(submit) == ["job_id": .string(job), "state": "known"])
    let told = try await fleet.ask("inspect", "job", job)
    #expect(told["job_concurrency"] == 30 && told["host_max_pages"] == 900)
    // The same key for something else is no job.
    _ = try await fleet.ask(submit + ["--job", #"{"other":1}"#], exitCode: 2)
    let root = try await fleet.ask("list", "tasks", "--job", job).array?.first?["task_id"]?.string ?? ""
    #expect(try await fleet.ask("inspect", "task", root)["waits_for"] == "paused")
    #expect(try await fleet.ask("resume", "fleet")["changed"] == true)
    try await fleet.waitUntilEnded(job)
    #expect(try await fleet.names(job) == Self.all.sorted())

    try await cancel(fleet, workers[0], workers[1])
    try await requeue(fleet)
    let late = ["submit", "--script", "nope.ts", "--key", "late", "--wait", "60s"]
    let refused = try await fleet.harness.start(late + fleet.common).finish(within: .seconds(120))
    #expect(refused.exitCode == 2 && refused.standardError.contains("nope.ts"), "\(refused.standardError)")
    #expect(try await fleet.ask("list", "rejects").array?.count == 2)
    // What was refused once is a job as soon as it can be one.
    try fleet.harness.script("nope.ts", "export const config = { browser: false }; export default async () => {};")
    let accepted = try await fleet.ask(late)
    #expect(accepted["state"] == "submitted")
    try await fleet.waitUntilEnded(try #require(accepted["job_id"]?.string))

    let id = try #require(try await fleet.ask("list", "workers").array?.first?["worker_id"]?.string)
    _ = try await fleet.ask("drain", "worker", id)
    try await fleet.wait("list", "workers") { $0.array?.count == 1 }
    coordinator.send(SIGTERM)
    #expect(try await coordinator.finish(within: .seconds(120)).exitCode == 0)
    for worker in workers { worker.send(SIGTERM) }
    for worker in workers { #expect(try await worker.finish(within: .seconds(120)).exitCode == 0) }
  }

  /// A run that never ends is stopped, its executor is gone, and its worker goes on.
  private func cancel(_ fleet: borrowing Fleet, _ workers: RunningProcess...) async throws {
    let submitted = try await fleet.ask("submit", "--script", "hang.ts", "--depth", "1", "--wait", "60s")
    let job = try #require(submitted["job_id"]?.string)
    try await fleet.wait("list", "tasks", "--job", job) { tasks in
      tasks.array?.contains { $0["depth"] == 1 && $0["attempt"] == 1 } == true
    }
    let answer = try await fleet.ask("cancel", "job", job)
    #expect(answer["running"] == 1 && answer["changed"] == true)
    try await fleet.waitUntilEnded(job)
    func states(_ tasks: JSONValue) -> [String] { (tasks.array ?? []).compactMap { $0["state"]?.string }.sorted() }
    #expect(states(try await fleet.ask("list", "tasks", "--job", job)) == ["cancelled", "done"])
    // Its root is done, and the job did not succeed all the same.
    let listed = try await fleet.ask("list", "jobs").array?.first { $0["job_id"] == .string(job) }
    #expect(listed?["state"] == "failed")
    #expect(workers.contains { $0.errorSoFar.contains("no longer counts: its task was cancelled") })
    _ = try await fleet.ask(["cancel", "job", job], exitCode: 2)
    _ = try await fleet.ask(["cancel", "job", "nope"], exitCode: 1)
    let ledger = try await fleet.harness.read("list", "tasks", "--job", job)
    #expect(states(ledger) == ["cancelled", "done"])
  }

  private func requeue(_ fleet: borrowing Fleet) async throws {
    let job = try #require(
      try await fleet.ask("submit", "--script", "broken.ts", "--wait", "60s")["job_id"]?.string)
    try await fleet.waitUntilEnded(job)
    #expect(try await fleet.ask("inspect", "job", job)["state"] == "failed")
    _ = try await fleet.ask(["requeue", "--job", job], exitCode: 2)
    #expect(try await fleet.ask(["requeue", "--task", "nobody", "--dry-run"], exitCode: 1) == [])
    let filter = ["requeue", "--job", job, "--error", "is broken"]
    #expect(try await fleet.ask(filter + ["--dry-run"]).array?.count == 1)
    #expect(try await fleet.ask(["requeue", "--job", job, "--error", "nope", "--yes"]) == [])
    try fleet.touch("fixed")
    #expect(try await fleet.ask(filter + ["--yes"]).array?.count == 1)
    try await fleet.wait("inspect", "job", job) { $0["state"] == "succeeded" }
    #expect(try await fleet.names(job) == ["fixed"])
  }

  @Test func aCoordinatorThatIsKilledIsReplacedByAnother() async throws {
    let fleet = try Fleet()
    try fleet.touch("go")
    let first = try fleet.coordinator()
    try await first.waitForError("leading the fleet", within: .seconds(120))
    let second = try fleet.coordinator()
    try await second.waitForError("leads the fleet", within: .seconds(120))
    let worker = try await fleet.worker()
    first.send(SIGKILL)
    _ = try await first.finish(within: .seconds(60))
    try await second.waitForError("leading the fleet, term 2", within: .seconds(120))
    let submitted = try await fleet.ask("submit", "--script", "tree.ts", "--depth", "1", "--wait", "60s")
    let job = try #require(submitted["job_id"]?.string)
    try await second.waitForError("job \(job) is finished", within: .seconds(120))
    for process in [second, worker] {
      process.send(SIGTERM)
      #expect(try await process.finish(within: .seconds(120)).exitCode == 0)
    }
  }

  @Test func aCrawlWhoseOnlyWorkerIsPausedSaysSo() async throws {
    let fleet = try Fleet()
    let worker = try await fleet.worker()
    let id = try #require(try await fleet.ask("list", "workers").array?.first?["worker_id"]?.string)
    #expect(try await fleet.ask("pause", "worker", id)["changed"] == true)
    let crawl = try fleet.coordinator("--script", "tree.ts")
    try await crawl.waitForError("somebody told it to pause", within: .seconds(120))
    #expect(try await fleet.ask("resume", "worker", id)["changed"] == true)
    #expect(try await crawl.finish(within: .seconds(120)).exitCode == 0)
    worker.send(SIGTERM)
    #expect(try await worker.finish(within: .seconds(120)).exitCode == 0)
  }

  @Test func aCrawlThatIsInterruptedGoesOnWhenItIsResumed() async throws {
    let fleet = try Fleet()
    let worker = try await fleet.worker()
    let crawl = try fleet.coordinator(
      "--script", "tree.ts", "--job-id", "j", "--depth", "4", "--max-runs", "99", "--adapter", "redis", "--adapter-url",
      fleet.redis.url)
    // Each page that is done has found two; none is done below depth 2.
    let admitted = 1 + 2 * (try await fleet.waitUntilAllSlotsWait("j", slots: 2))
    crawl.send(SIGINT)
    let left = try await crawl.finish(within: .seconds(120))
    #expect(left.exitCode == 1)
    #expect(left.standardError.contains("nothing more of it is admitted until it is resumed"))
    #expect(left.standardError.contains("add the --adapter flags"))
    let hints = fleet.hints(in: left.standardError)
    let place = "--redis \(fleet.redis.url) --fleet t"
    #expect(hints.contains("pause job j \(place)") && hints.contains("cancel job j \(place)"), "\(hints)")
    let goOn = try #require(hints.first { $0.hasPrefix("coordinator --resume j ") })
    try fleet.touch("go")
    try await fleet.wait("inspect", "job", "j") { $0["running"] == 0 && $0["done"] == .integer(Int64(admitted)) }
    let held = try await fleet.ask("inspect", "job", "j")
    #expect(held["state"] == "running" && held["hold"] == "drain" && held["tasks"] == .integer(Int64(admitted)))
    let resumed = try await fleet.typed(goOn).finish(within: .seconds(240))
    #expect(resumed.exitCode == 0, "\(resumed.standardError)")
    #expect(try JSONParser.parse(resumed.standardOutput)["done"] == 31)
    #expect(try await fleet.names("j") == Self.all.sorted())
    worker.send(SIGTERM)
    #expect(try await worker.finish(within: .seconds(120)).exitCode == 0)
  }

  @Test func aCrawlWhoseRedisWasLostIsRebuiltAndEndsExactly() async throws {
    let fleet = try Fleet()
    let workers = [try await fleet.worker(), try await fleet.worker()]
    let crawl = try fleet.coordinator("--script", "tree.ts", "--job-id", "j", "--depth", "4", "--max-runs", "99")
    let done = try await fleet.waitUntilAllSlotsWait("j", slots: 4)
    // All that is done is in the ledger.
    while try await fleet.harness.read("list", "tasks", "--job", "j").array?.count != done {
      try await Task.sleep(for: .milliseconds(100))
    }
    try fleet.redis.restart()  // It keeps nothing: all of it is lost.
    let lost = try await crawl.finish(within: .seconds(240))
    #expect(lost.exitCode == 3, "\(lost.standardError)")
    for worker in workers { #expect(try await worker.finish(within: .seconds(240)).exitCode == 3) }
    let hints = fleet.hints(in: lost.standardError)
    let goOn = try #require(hints.first { $0.hasPrefix("coordinator --rebuild --resume j ") }, "\(lost.standardError)")

    try fleet.touch("go")
    let next = try await fleet.worker()
    let rebuilt = try await fleet.typed(goOn).finish(within: .seconds(240))
    #expect(rebuilt.exitCode == 0, "\(rebuilt.standardError)")
    #expect(rebuilt.standardError.contains("job j rebuilt from its ledger: "))
    #expect(try JSONParser.parse(rebuilt.standardOutput)["done"] == 31)
    #expect(try await fleet.names("j") == Self.all.sorted())
    next.send(SIGTERM)
    #expect(try await next.finish(within: .seconds(120)).exitCode == 0)
    try await fleet.harness.expectSound()
  }
}
