import Foundation
import QuarryCore
import TestSupport
import Testing

/// What `list`, `inspect` and `stats` say of real runs.
@Suite struct ReadSideTests {
  private static let script = """
    export const config = { browser: false };
    export default async ({ job, emit, storage }) => {
      const logs = [];
      for (let n = 0; n < (job.logs ?? 0); n++) logs.push(emit.log({ level: 'info', message: `log ${n}` }));
      await Promise.all(logs);
      await emit.item({ item_type: 'thing', data: { n: 1 } });
      if (job.file) await storage.put({ filename: 'notes.txt', content_type: 'text/plain', data: Buffer.from('hello') });
      for (const child of job.children ?? []) await emit.enqueue({ target: 'runs.ts', params: child });
      if (job.fail) throw new TypeError('this one fails');
    };

    """

  /// Runs of two sources: one that succeeded, one that failed, one that dropped, one that flushed.
  private func fill(_ harness: borrowing RunHarness) async throws {
    let script = try harness.script("runs.ts", Self.script)
    func run(_ id: String, _ code: Int32, _ arguments: String...) async throws {
      let result = try await harness.start(
        ["run", "--script", script, "--storage-path", harness.data, "--run-id", id] + arguments
      ).finish()
      #expect(result.exitCode == code, "\(id): \(result.standardError)")
    }
    try await run("good", 0, "--job", #"{"file":true}"#, "--job-id", "j1", "--source", "shop")
    try await run("bad", 1, "--job", #"{"fail":true}"#, "--job-id", "j2", "--source", "shop")
    try await run(
      "drops", 0, "--job", #"{"logs":50}"#, "--policy", "buffered", "--buffer-events", "3", "--source", "news")
    try await run(
      "flushes", 0, "--job", #"{"logs":10}"#, "--policy", "streaming", "--flush-count", "2", "--source", "news",
      "--category", "late")
  }

  @Test func aRunIsToldFromWhatIsStored() async throws {
    let harness = try RunHarness()
    try await fill(harness)
    let good = try await harness.read("inspect", "run", "good")
    #expect(good["state"] == "succeeded" && good["policy"] == "strict" && good["attempt"] == 1)
    #expect(
      good["parent_run"] == JSONValue.null && good["error"] == JSONValue.null && good["flushes"] == JSONValue.null)
    #expect(good["sidecar_files"]?.array?.count == 1)
    #expect(good["sidecar_files"]?.array?.first?["filename"] == "notes.txt")
    #expect(good["sidecar_files"]?.array?.first?["size"] == 5)
    #expect(good["drops"] == ["total": 0, "by_type": [:]])
    #expect(good["ancestors"] == [] && good["children"] == [])
    #expect((good["snapshots"]?.integer ?? 0) > 0 && (good["data_bytes"]?.integer ?? 0) > 0)
    let bad = try await harness.read("inspect", "run", "bad")
    #expect(bad["state"] == "failed" && bad["error"]?["message"] == "this one fails")
    #expect(bad["error"]?["stack"] == nil)
    let drops = try await harness.read("inspect", "run", "drops")
    let dropped = try #require(drops["drops"]?["total"]?.integer)
    #expect(dropped > 0 && drops["drops"]?["by_type"] == ["log": .integer(dropped)])
    #expect(drops["events"]?["log"]?.integer ?? 0 == 50 - dropped)
    #expect((drops["flushes"]?["capacity"]?.integer ?? 0) > 0 && drops["flushes"]?["count"] == 0)
    let flushes = try await harness.read("inspect", "run", "flushes")
    #expect((flushes["flushes"]?["count"]?.integer ?? 0) > 0 && flushes["flushes"]?["termination"] != nil)
  }

  @Test func runsAreChosenAndCounted() async throws {
    let harness = try RunHarness()
    try await fill(harness)
    func ids(_ arguments: String...) async throws -> Set<String> {
      let rows = try await harness.start(
        ["list", "runs", "--storage-path", harness.data, "--format", "json"] + arguments
      ).finish()
      return Set(try JSONParser.parse(rows.standardOutput).array?.compactMap { $0["run_id"]?.string } ?? [])
    }
    let day = Timestamp.now().day
    #expect(try await ids() == ["good", "bad", "drops", "flushes"])
    #expect(try await ids("--source", "shop", "--state", "failed") == ["bad"])
    #expect(try await ids("--category", "late") == ["flushes"])
    #expect(try await ids("--job", "j1") == ["good"])
    #expect(try await ids("--day", "2001-01-01") == [])
    #expect(try await ids("--since", "24h").count == 4)
    #expect(try await ids("--since", "2200-01-01") == [])
    #expect(try await ids("--limit", "2").count == 2)
    let all = try await harness.read("stats", "runs")
    #expect(all == ["total": 4, "running": 0, "succeeded": 3, "failed": 1, "lost": 0])
    #expect(try await harness.read("stats", "runs", "--source", "shop")["total"] == 2)
    #expect(try await harness.read("stats", "runs", "--state", "failed", "--since", day)["total"] == 1)
    let jobs = try await harness.read("stats", "jobs")
    #expect(jobs == ["total": 2, "running": 0, "succeeded": 1, "failed": 1])
    #expect(try await harness.read("list", "jobs", "--state", "failed").array?.map { $0["job_id"] } == ["j2"])
    #expect(
      try await harness.read("stats", "tasks") == [
        "total": 0, "running": 0, "succeeded": 0, "failed": 0, "cancelled": 0, "queued": nil,
      ])
  }

  @Test func metricsAreOfARunOrOfMany() async throws {
    let harness = try RunHarness()
    try await fill(harness)
    let record = try #require(
      try harness.records().first { $0["record_kind"] == "metrics" && $0["run_id"] == "drops" })
    let one = try await harness.read("stats", "metrics", "--run", "drops")
    #expect(one["runs"] == 1)
    for (name, value) in record.object ?? [:] where name != "record_kind" && name != "event_type" {
      #expect(one[name] == value, "\(name)")
    }
    #expect(one["job_id"] == JSONValue.null)
    let all = try await harness.read("stats", "metrics")
    #expect(all["runs"] == 4 && all["runs_started_total"] == 4 && all["runs_completed_total"] == 3)
    #expect(all["policy"] == JSONValue.null && all["executor"] == record["executor"] && all["storage_backend"] == "fs")
    #expect(all["dropped_by_type"] == record["dropped_by_type"])
    let rows = try await harness.read("stats", "metrics", "--by-run", "--source", "news").array ?? []
    #expect(Set(rows.compactMap { $0["run_id"]?.string }) == ["drops", "flushes"])
    let executors = try await harness.read("list", "executors").array ?? []
    #expect(executors.map { $0["executor_id"] } == [record["executor"]])
    #expect(executors.first?["state"] == "idle" && executors.first?["runs"] == 4)
    let name = executors.first?["executor_id"]?.string ?? ""
    #expect(try await harness.read("inspect", "executor", name)["last_seen_at"]?.string?.hasPrefix("20") == true)
    #expect(
      try await harness.read("stats", "executors") == ["total": 1, "running": nil, "idle": 1, "failed": 0])
    #expect(try await harness.read("stats", "proxies") == [])
  }

  @Test func aRunWhoseWriterWasKilledIsLostWhenItHasBeenSilentForLong() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "waits.ts",
      """
      export const config = { browser: false };
      export default async ({ emit }) => {
        await emit.item({ item_type: 'first', data: {} });
        await new Promise((resolve) => setTimeout(resolve, 600_000));
      };
      """)
    let process = try harness.start(
      ["run", "--script", script, "--storage-path", harness.data, "--run-id", "w", "--job-id", "j"])
    while try harness.files({ $0 == "datasets/quarry/latest" }).isEmpty { try await Task.sleep(for: .milliseconds(20)) }
    #expect(try await harness.read("inspect", "run", "w")["state"] == "running")
    process.send(SIGKILL)
    _ = try await process.finish()
    let running = try await harness.read("inspect", "run", "w")
    #expect(running["state"] == "running" && running["ended_at"] == JSONValue.null)
    #expect(running["drops"] == JSONValue.null && running["metrics"] == JSONValue.null)
    #expect(try await harness.read("inspect", "run", "w", "--lost-after", "1ms")["state"] == "lost")
    #expect(try await harness.read("list", "runs", "--state", "lost").array == [])
    let lost = try await harness.read("list", "runs", "--state", "lost", "--lost-after", "1ms").array ?? []
    #expect(lost.map { $0["run_id"] } == ["w"])
    #expect(
      try await harness.read("stats", "runs", "--lost-after", "1ms")
        == ["total": 1, "running": 0, "succeeded": 0, "failed": 0, "lost": 1])
    #expect(try await harness.read("inspect", "job", "j")["state"] == "running")
    #expect(try await harness.read("inspect", "job", "j", "--lost-after", "1ms")["state"] == "failed")
    let metrics = try await harness.quarry("stats", "metrics", "--run", "w", "--storage-path", harness.data)
    #expect(metrics.exitCode == 1 && metrics.standardError.contains("run 'w' has no metrics record"))
    #expect(try await harness.read("stats", "metrics")["runs_started_total"] == JSONValue.null)
  }

  /// Each says what is missing, prints the rest, and is no success.
  @Test func aSnapshotThatIsGoneIsNoSuccess() async throws {
    let harness = try RunHarness()
    try await fill(harness)
    let name = try #require(try await harness.read("list", "executors").array?.first?["executor_id"]?.string)
    let metrics = try #require(
      try harness.files { $0.contains("run_id=good/event_type=metrics") && $0.hasSuffix("/manifest.json") }.first)
    let id = try #require(metrics.split(separator: "/").dropLast().last)
    for path in try harness.files({ $0.hasSuffix("segments/\(id)/manifest.json") }) {
      try FileManager.default.removeItem(atPath: path)
    }
    for words in [
      "cat --source news", "list runs", "list executors", "inspect run bad", "inspect executor \(name)",
      "stats runs",
      "stats metrics", "stats metrics --by-run", "stats proxies", "lode index", "artifact get good notes.txt -o -",
    ] {
      let arguments = words.split(separator: " ").map(String.init) + ["--storage-path", harness.data]
      let result = try await harness.start(arguments).finish()
      #expect(result.exitCode == 1, "\(words)")
      #expect(result.standardError.contains("follows \(id), which is not there"), "\(words): \(result.standardError)")
    }
  }

  @Test func whatALedgerDoesNotKnowIsRefused() async throws {
    let harness = try RunHarness()
    for state in ["ready", "leased", "scheduled"] {
      let result = try await harness.quarry("list", "tasks", "--state", state, "--storage-path", harness.data)
      #expect(result.exitCode == 2 && result.standardError.contains("--state \(state) is not known to a ledger"))
    }
    let nope = try await harness.quarry("list", "runs", "--storage-path", harness.data, "--storage-dataset", "nope")
    #expect(nope.standardError.contains("no dataset in \(harness.data)/datasets/nope"))
  }

  /// A place without any is one that waits for its first run.
  @Test func aDatasetOfAnotherNameIsNotTakenForAnEmptyOne() async throws {
    let harness = try RunHarness()
    let script = try harness.script("runs.ts", Self.script)
    let commands = [
      "cat", "list runs", "list jobs", "list tasks", "list executors", "stats runs", "stats jobs", "stats metrics",
      "inspect run x", "inspect job x", "inspect task x", "inspect executor x", "stats metrics --run x", "lode index",
      "lode verify", "artifact get x y",
    ].map { $0.split(separator: " ").map(String.init) }
    for words in commands {
      let early = try await harness.start(words + ["--storage-path", harness.data]).finish()
      let isForMany = ["list", "stats"].contains(words[0]) && !words.contains("--run")
      #expect(early.exitCode == (isForMany ? 0 : 1), "\(words): \(early.standardError)")
      let isSaid = early.standardError.contains("no dataset in \(harness.data)/datasets/quarry")
      #expect(isSaid, "\(words): \(early.standardError)")
    }
    let result = try await harness.run(script)
    #expect(result.exitCode == 0, "\(result.standardError)")
    for words in commands {
      let wrong = try await harness.start(
        words + ["--storage-path", harness.data, "--storage-dataset", "qarry"]
      ).finish()
      #expect(wrong.exitCode == 1 && wrong.standardOutput.isEmpty, "\(words)")
      #expect(wrong.standardError.contains("no dataset 'qarry' in \(harness.data)"), "\(wrong.standardError)")
      #expect(wrong.standardError.contains("did you mean --storage-dataset quarry? there are: quarry"))
      let elsewhere = try await harness.start(words + ["--storage-path", harness.path]).finish()
      #expect(elsewhere.exitCode == 1 && elsewhere.standardOutput.isEmpty, "\(words)")
      #expect(elsewhere.standardError.contains("\(harness.path) holds other things and no datasets"))
    }
    for part in ["/datasets", "/datasets/quarry"] {
      let inside = try await harness.quarry("list", "runs", "--storage-path", harness.data + part)
      #expect(inside.standardError.contains("did you mean --storage-path \(harness.data)?"), "\(inside.standardError)")
    }
    for words in ["list runs", "list tasks", "list executors", "stats runs", "stats tasks", "stats metrics"] {
      let arguments = words.split(separator: " ").map(String.init) + ["--job", "nope", "--storage-path", harness.data]
      let none = try await harness.start(arguments).finish()
      #expect(none.exitCode == 0 && none.standardError.contains("no job 'nope'"), "\(words): \(none.standardError)")
    }
  }

  /// Who reads and who writes says what helps.
  @Test(arguments: [("latest", false), ("latest.lock", false), ("latest", true), ("latest.lock", true)])
  func whatLiesInThePlaceOfAFileIsNamed(_ name: String, _ isLink: Bool) async throws {
    let harness = try RunHarness()
    let script = try harness.script("runs.ts", Self.script)
    #expect(try await harness.run(script, "--run-id", "r").exitCode == 0)
    let path = harness.data + "/datasets/quarry/\(name)"
    try FileManager.default.moveItem(atPath: path, toPath: harness.path + "/kept")
    if isLink {
      try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: harness.path + "/kept")
    } else {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }
    let run = try await harness.run(script)
    #expect(run.exitCode == 3, "\(run.standardError)")
    let list = try await harness.quarry("list", "runs", "--storage-path", harness.data)
    for result in name == "latest" ? [run, list] : [run] {
      #expect(result.standardError.contains(path), "\(result.standardError)")
      let remedy = isLink ? "put what it leads to in its place" : "move away what lies there"
      #expect(result.standardError.contains(remedy), "\(result.standardError)")
    }
  }

  /// What a message says to type finds the same dataset.
  @Test func whatIsGoneIsPutBackByWhatTheMessageSays() async throws {
    let harness = try RunHarness()
    let script = try harness.script("runs.ts", Self.script)
    let result = try await harness.run(script, "--storage-dataset", "other")
    #expect(result.exitCode == 0, "\(result.standardError)")
    let copy = try #require(
      try harness.files { $0.contains("event_type=item/") && $0.hasSuffix("/manifest.json") }.first)
    try FileManager.default.removeItem(atPath: copy)
    let place = ["--storage-path", harness.data, "--storage-dataset", "other"]
    let cat = try await harness.start(["cat", "--type", "item"] + place).finish()
    #expect(cat.exitCode == 1 && cat.standardError.contains("\(copy) is not there"), "\(cat.standardError)")
    let command = ["lode", "repair", "--yes"] + place
    #expect(cat.standardError.contains("`quarry \(command.joined(separator: " "))`"), "\(cat.standardError)")
    let repair = try await harness.start(command).finish()
    #expect(repair.exitCode == 0, "\(repair.standardError)")
    #expect(try JSONParser.parse(repair.standardOutput)["repaired"] == 1)
    let again = try await harness.start(["cat", "--type", "item"] + place).finish()
    #expect(again.exitCode == 0 && again.standardOutput.contains("\"thing\""), "\(again.standardError)")
  }

  @Test func relativesAreShownUpAndDown() async throws {
    let harness = try RunHarness()
    let script = try harness.script("runs.ts", Self.script)
    let result = try await harness.run(
      script, "--run-id", "root", "--job-id", "j", "--depth", "2", "--max-runs", "9", "--job",
      #"{"children":[{"n":1,"children":[{"n":2}]}]}"#)
    #expect(result.exitCode == 0, "\(result.standardError)")
    let root = try await harness.read("inspect", "run", "root")
    let child = try #require(root["children"]?.array?.first)
    let leaf = try #require(child["children"]?.array?.first?["run_id"]?.string)
    #expect(child["attempt"] == 1 && child["state"] == "succeeded")
    let found = try await harness.read("inspect", "run", leaf)
    #expect(found["ancestors"]?.array?.map { $0["run_id"] } == ["root", child["run_id"]])
    #expect(found["depth"] == 2 && found["parent_run"] == child["run_id"])
    let retry = try await harness.run(
      script, "--run-id", "again", "--attempt", "2", "--parent-run-id", leaf, "--job-id", "j")
    #expect(retry.exitCode == 0, "\(retry.standardError)")
    let again = try await harness.read("inspect", "run", "again")
    #expect(again["ancestors"]?.array?.map { $0["run_id"] } == ["root", child["run_id"], .string(leaf)])
    let tree = try await harness.read("inspect", "run", leaf)["children"]?.array ?? []
    #expect(tree.map { $0["run_id"] } == ["again"] && tree.first?["attempt"] == 2)
    let stranger = try await harness.run(script, "--run-id", "lone", "--attempt", "2", "--parent-run-id", "gone")
    #expect(stranger.exitCode == 0, "\(stranger.standardError)")
    #expect(
      try await harness.read("inspect", "run", "lone")["ancestors"]
        == [["run_id": "gone", "state": nil, "attempt": nil, "source": nil]])
  }

  @Test func whatIsNotThereIsNotFoundAndTheNearIsNamed() async throws {
    let harness = try RunHarness()
    try await fill(harness)
    let executor = try #require(
      try await harness.read("list", "executors").array?.first?["executor_id"]?.string)
    for (arguments, fragments) in [
      (["inspect", "run", "god"], ["no run 'god' in \(harness.data)", "did you mean 'good'?", "`quarry list runs"]),
      (["inspect", "job", "j3"], ["no job 'j3'", "did you mean 'j1' or 'j2'?"]),
      (["inspect", "executor", executor + "s"], ["no executor", "did you mean '\(executor)'?"]),
      (["inspect", "task", "t"], ["no task 't' in the ledger"]),
      (["stats", "metrics", "--run", "bda"], ["no run 'bda'", "did you mean 'bad'?"]),
    ] {
      let result = try await harness.start(arguments + ["--storage-path", harness.data]).finish()
      #expect(result.exitCode == 1 && result.standardOutput.isEmpty, "\(arguments)")
      for fragment in fragments {
        #expect(result.standardError.contains(fragment), "\(arguments): \(result.standardError)")
      }
    }
  }

  @Test func anEmptyAnswerSaysWhatThereIsNot() async throws {
    let harness = try RunHarness()
    try await fill(harness)
    for arguments in [["list", "runs"], ["list", "jobs"], ["stats", "runs"], ["stats", "metrics"]] {
      let result = try await harness.start(
        arguments + ["--source", "shpo", "--storage-path", harness.data]
      ).finish()
      #expect(result.exitCode == 0 && !result.standardOutput.isEmpty)
      #expect(result.standardError.contains("no source 'shpo'"), "\(arguments): \(result.standardError)")
      #expect(result.standardError.contains("did you mean 'shop'?"))
    }
  }

  @Test(arguments: [
    (["stats", "runs"], "total      4\nrunning    0\nsucceeded  3\n", "total: 4\nrunning: 0\n"),
    (["stats", "proxies"], "nothing to show\n", "[]\n"),
    (["inspect", "run", "good"], "parent_run      -\n", "parent_run: null\n"),
  ])
  func tablesAndYAMLHoldTheSame(_ arguments: [String], _ table: String, _ yaml: String) async throws {
    let harness = try RunHarness()
    try await fill(harness)
    for (format, text) in [("table", table), ("yaml", yaml)] {
      let result = try await harness.start(
        arguments + ["--storage-path", harness.data, "--format", format]
      ).finish()
      #expect(result.exitCode == 0 && result.standardError.isEmpty, "\(result.standardError)")
      #expect(result.standardOutput.contains(text), "\(result.standardOutput)")
    }
  }
}
