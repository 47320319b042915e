import Foundation
import QuarryCore
import Synchronization
import TestSupport
import Testing

/// `quarry run` with adapters and event sinks over real servers.
@Suite struct AdapterTests {
  static let canary = "canary-7f3a"

  private func script(_ harness: borrowing RunHarness) throws -> String {
    try harness.script("numbers.ts", RunCommandTests.plain)
  }

  @Test func aWebhookIsToldOfTheRunAndOfItsChildren() async throws {
    let server = try HTTPServer { _, _ in .status(200) }
    let harness = try RunHarness()
    let tree = try harness.script(
      "tree.ts",
      """
      export const config = { browser: false };
      export default async ({ job, emit }) => {
        if (!job.leaf) for (const leaf of ['a', 'b']) await emit.enqueue({ target: 'tree.ts', params: { leaf } });
      };

      """)
    let result = try await harness.run(
      tree, "--run-id", "root", "--job-id", "j-1", "--depth", "1", "--max-runs", "9", "--adapter", "webhook",
      "--adapter-url", server.url + "/hook", "--report", "-")
    #expect(result.exitCode == 0, "\(result.standardError)")
    let told = try server.requests.map { try JSONParser.parse($0.body) }
    #expect(told.count == 3)
    let root = try #require(told.first)
    #expect(root["run_id"]?.string == "root" && root["outcome"]?.string == "success")
    #expect(
      root["storage_path"]?.string?.hasPrefix("file://\(harness.data)/datasets/quarry/partitions/source=tree/") == true)
    #expect(root["storage_path"]?.string?.hasSuffix("/run_id=root") == true)
    #expect(root["event_count"]?.integer == 3)
    #expect(told.allSatisfy { $0["event_type"]?.string == "run_completed" && $0["job_id"]?.string == "j-1" })
    #expect(result.standardError.contains(#""adapter_publish_success_total": 1"#))
    #expect(!(try harness.records().contains { $0["event_type"]?.string == "adapter_outbox" }))
  }

  @Test func whatCouldNotBeDeliveredWaitsForTheDrain() async throws {
    let server = try HTTPServer { _, _ in .status(204) }
    server.close()
    let harness = try RunHarness()
    let script = try script(harness)
    let adapter = ["--adapter", "webhook", "--adapter-url", server.url, "--adapter-retries", "0"]
    let result = try await harness.start(
      ["run", "--script", script, "--storage-path", harness.data, "--run-id", "r-1", "--adapter-outbox"] + adapter
    ).finish()
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(result.standardError.contains("run_completed of run r-1 was not delivered to \(server.url)"))
    let kinds = try harness.records().filter { $0["event_type"]?.string == "adapter_outbox" }
      .compactMap { $0["record_kind"]?.string }
    #expect(Set(kinds) == ["notification_pending", "notification_failed"])

    let drain = ["adapter", "drain", "--storage-path", harness.data, "--format", "json"] + adapter
    let early = try await harness.start(drain).finish()
    #expect(early.exitCode == 1)
    #expect(try JSONParser.parse(early.standardOutput).array?.first?["state"]?.string == "failed")
    try server.open()
    let late = try await harness.start(drain).finish()
    #expect(late.exitCode == 0, "\(late.standardError)")
    let row = try #require(try JSONParser.parse(late.standardOutput).array?.first)
    #expect(row["run_id"]?.string == "r-1" && row["state"]?.string == "delivered")
    #expect(try JSONParser.parse(try #require(server.requests.first).body)["run_id"]?.string == "r-1")
    let empty = try await harness.start(drain).finish()
    #expect(empty.exitCode == 0)
    #expect(try JSONParser.parse(empty.standardOutput).array?.isEmpty == true)
    #expect(server.requests.count == 1)
    #expect(try await harness.read("list", "runs").array?.first?["state"]?.string == "succeeded")
  }

  @Test func whatIsRefusedIsSentAgainOnlyWhenAsked() async throws {
    let status = Mutex(503)
    let server = try HTTPServer { _, _ in .status(status.withLock { $0 }) }
    let harness = try RunHarness()
    let script = try script(harness)
    let adapter = ["--adapter", "webhook", "--adapter-url", server.url, "--adapter-retries", "0"]
    for (id, answer) in [("away", 503), ("unwanted", 404)] {
      status.withLock { $0 = answer }
      let result = try await harness.start(
        ["run", "--script", script, "--storage-path", harness.data, "--run-id", id, "--adapter-outbox"] + adapter
      ).finish()
      #expect(result.exitCode == 0, "\(result.standardError)")
      #expect(result.standardError.contains("waits in the outbox") == (id == "away"), "\(result.standardError)")
    }
    let drain = ["adapter", "drain", "--storage-path", harness.data, "--format", "json"] + adapter
    func states(_ result: ProcessResult) throws -> [String: String] {
      let rows = try JSONParser.parse(result.standardOutput).array ?? []
      return Dictionary(uniqueKeysWithValues: rows.map { ($0["run_id"]?.string ?? "", $0["state"]?.string ?? "") })
    }
    let told = try await harness.start(drain).finish()
    #expect(told.exitCode == 1)
    #expect(try states(told) == ["away": "refused"])
    let quiet = try await harness.start(drain).finish()
    #expect(quiet.exitCode == 0, "\(quiet.standardError)")
    #expect(try states(quiet).isEmpty)
    #expect(quiet.standardError.contains("2 refused before"))
    status.withLock { $0 = 200 }
    let asked = try await harness.start(drain + ["--retry-refused"]).finish()
    #expect(asked.exitCode == 0, "\(asked.standardError)")
    #expect(try states(asked) == ["away": "delivered", "unwanted": "delivered"])
    #expect(server.requests.count == 5)
  }

  /// The first try is answered, the second is not.
  @Test(arguments: [[], ["--depth", "1", "--max-runs", "1"]], [[SIGTERM], [SIGTERM, SIGINT]])
  func aTellingThatIsCutShortLeavesReportAndSummary(_ fanOut: [String], _ signals: [Int32]) async throws {
    let (asked, ask) = AsyncStream.makeStream(of: Void.self)
    let server = try HTTPServer { _, number in
      guard number > 1 else { return .status(503) }
      ask.yield()
      return .silence
    }
    let harness = try RunHarness()
    let run = try harness.start(
      [
        "run", "--script", try script(harness), "--storage-path", harness.data, "--run-id", "r", "--report", "r.json",
        "--adapter", "webhook", "--adapter-url", server.url, "--adapter-timeout", "10m", "--adapter-outbox",
      ] + fanOut)
    for await _ in asked { break }
    for signal in signals { run.send(signal) }
    let result = try await run.finish()
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(result.standardError.contains("run r succeeded"), "\(result.standardError)")
    let reason = signals.count == 1 ? "took too long and was cut short" : "telling others was cut short"
    #expect(result.standardError.contains("\(reason); it waits in the outbox for `quarry adapter drain`"))
    let report = try JSONParser.parse(try String(contentsOfFile: harness.path + "/r.json", encoding: .utf8))
    #expect(report["outcome"] == "success" && report["exit_code"] == 0)
    #expect(report["adapter"]?["state"] == "pending", "\(report)")
    #expect(report["adapter"]?["error"] == "cut short by the end of this process")
    #expect(report["adapter"]?["attempts"] == 2)
    withExtendedLifetime(server) {}
  }

  @Test func aMandatoryStreamThatIsAwayFailsTheRunAndABestEffortOneDoesNot() async throws {
    let harness = try RunHarness()
    let script = try script(harness)
    let sinks = [
      "--event-sink", "lode", "--event-sink", "redis", "--event-sink-redis-url", "unix:///nonexistent/redis",
      "--event-sink-redis-timeout", "200ms",
    ]
    let run = ["run", "--script", script, "--storage-path", harness.data, "--job", #"{"count":20}"#]
    let best = try await harness.start(run + ["--run-id", "best", "--report", "-"] + sinks).finish()
    #expect(best.exitCode == 0, "\(best.standardError)")
    #expect(best.standardError.contains("events are missing in stream quarry:events"))
    #expect(best.standardError.contains(#""events_lost_total": 22"#))
    #expect(try harness.items().count == 20)
    let mandatory = try await harness.start(
      run + ["--run-id", "must", "--event-sink-redis-delivery", "mandatory"] + sinks
    ).finish()
    #expect(mandatory.exitCode == 3, "\(mandatory.standardError)")
    #expect(mandatory.standardError.contains("policy_failure"))
    #expect(mandatory.standardError.contains("events were not written to stream quarry:events"))
    let metrics = try harness.records().filter { $0["record_kind"]?.string == "metrics" }
    #expect(metrics.count == 2)
    #expect(metrics.allSatisfy { $0["event_sinks"]?["redis"] != nil })
  }

  @Test(arguments: [
    ["strict"], ["streaming", "--flush-count", "5"], ["buffered", "--buffer-events", "4", "--flush-mode", "two_phase"],
  ])
  func aMandatoryStreamThatDiesKeepsNothingOutOfTheDataset(_ policy: [String]) async throws {
    let redis = try RedisServer.start()
    let harness = try RunHarness()
    let script = try harness.script(
      "gate.ts",
      """
      import { existsSync } from 'node:fs';
      export const config = { browser: false };
      export default async ({ emit }) => {
        for (let n = 0; n < 50; n += 1) {
          if (n === 10) console.error('ten are out');
          while (n === 10 && !existsSync('gate')) await new Promise((resolve) => setTimeout(resolve, 5));
          await emit.item({ item_type: 'n', data: { n } });
        }
      };

      """)
    let process = try harness.start(
      [
        "run", "--script", script, "--storage-path", harness.data, "--report", harness.path + "/report",
        "--event-sink", "lode", "--event-sink", "redis", "--event-sink-redis-url", redis.url,
        "--event-sink-redis-delivery", "mandatory", "--event-sink-redis-timeout", "4s",
        "--event-sink-redis-retries", "0", "--policy",
      ] + policy)
    try await process.waitForError("ten are out")
    redis.kill()
    try harness.script("gate", "")
    let result = try await process.finish(within: .seconds(300))
    #expect(result.exitCode == 3, "\(result.standardError)")
    #expect(result.standardError.contains("events were not written to stream quarry:events"))
    #expect(!result.standardError.contains("see to the storage path"))
    let report = try JSONParser.parse(String(contentsOfFile: harness.path + "/report", encoding: .utf8))
    let seqs = try harness.records().filter { $0["record_kind"]?.string == "event" }
      .compactMap { $0["seq"]?.integer }.sorted()
    #expect(seqs == Array(1...Int64(seqs.count)), "each once, without a gap")
    #expect(report["policy"]?["events_persisted"]?.integer == Int64(seqs.count))
    #expect(report["policy"]?["events_received"]?.integer == Int64(seqs.count))
    if policy.first == "streaming" { #expect(seqs.count == 51) }
  }

  @Test func aScriptDoesNotGetTheVariablesThatHoldSecrets() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "env.ts",
      """
      export const config = { browser: false };
      export default async ({ emit }) => {
        const { HOOK_TOKEN, HOOK_URL, PLAIN, HOME } = process.env;
        await emit.item({ item_type: 'env', data: { HOOK_TOKEN, HOOK_URL, PLAIN, hasHome: HOME !== undefined } });
      };

      """)
    try """
    source: ${PLAIN}
    adapter: { type: webhook, url: "${HOOK_URL}", headers: { Authorization: "Bearer ${HOOK_TOKEN}" }, retries: 0 }
    storage: { path: "\(harness.data)" }

    """.write(toFile: harness.path + "/q.yaml", atomically: true, encoding: .utf8)
    let result = try await harness.start(
      ["run", "--script", script, "--config", "q.yaml"],
      environment: ["HOOK_TOKEN": "canary-1", "HOOK_URL": "http://127.0.0.1:9/canary-2", "PLAIN": "shop"]
    ).finish()
    #expect(result.exitCode == 0, "\(result.standardError)")
    let data = try #require(try harness.items().first?["payload"]?["data"]?.object)
    #expect(data["HOOK_TOKEN"] == nil && data["HOOK_URL"] == nil)
    #expect(data["PLAIN"]?.string == "shop" && data["hasHome"] == true)
  }

  @Test(arguments: [503, 429])
  func aFleetTellsTheWebhookAndStreamsWithItsTasks(_ first: Int) async throws {
    let redis = try RedisServer.start()
    let server = try HTTPServer { _, number in .status(number == 1 ? first : 200) }
    let harness = try RunHarness()
    try harness.script("tree.ts", FleetCommandTests.tree)
    try """
    adapter: { type: webhook, url: "\(server.url)/hook", retries: 0 }
    storage: { path: "\(harness.data)" }
    events: { sinks: [{ type: lode }, { type: redis, url: "\(redis.url)", delivery: mandatory, stream_key: live }] }
    fleet: { name: t, script_root: "\(harness.path)" }

    """.write(toFile: harness.path + "/q.yaml", atomically: true, encoding: .utf8)
    let environment = ["XDG_STATE_HOME": harness.path + "/state", "XDG_RUNTIME_DIR": harness.path]
    let worker = try harness.start(["worker", "--config", "q.yaml"], environment: environment)
    try await worker.waitForError("serves fleet 't'")
    let result = try await harness.start(
      [
        "coordinator", "--config", "q.yaml", "--script", "tree.ts", "--depth", "1", "--max-runs", "10",
        "--attempts", "1", "--allow-dead", "2",
      ], environment: environment
    ).finish()
    #expect(result.exitCode == 0, "\(result.standardError)")
    let told = try server.requests.map { try JSONParser.parse($0.body)["run_id"]?.string ?? "" }
    #expect(told.count == 4, "three accepted runs, the first told twice")
    #expect(Set(told).count == 3)
    worker.send(SIGTERM)
    #expect(try await worker.finish(within: .seconds(40)).exitCode == 0)

    let entries = try await runProcess(
      "/usr/bin/redis-cli", ["-s", redis.socketPath, "--json", "XRANGE", "live", "-", "+"])
    let fields = try JSONParser.parse(entries.standardOutput).array?.compactMap { $0.array?.last?.array } ?? []
    func values(_ name: String) -> [String] {
      fields.compactMap { entry in
        entry.firstIndex(of: .string(name)).flatMap { entry[$0 + 1].string }
      }
    }
    #expect(Set(values("task_id")).count == 4)
    #expect(values("epoch").count == fields.count)
    #expect(values("event_type").filter { $0 == "item" }.count == 4)
    #expect(Set(values("event_id")).count == fields.count)
  }

  @Test func aFleetLeavesToTheDrainWhatNobodyTook() async throws {
    let server = try HTTPServer { _, _ in .status(200) }
    server.close()
    let harness = try RunHarness()
    try harness.script("tree.ts", FleetCommandTests.tree)
    let environment = ["XDG_STATE_HOME": harness.path + "/state", "XDG_RUNTIME_DIR": harness.path]
    let adapter = ["--adapter", "webhook", "--adapter-url", server.url, "--adapter-retries", "0"]
    let common = ["--fleet", "t", "--storage-path", harness.data, "--adapter-outbox"] + adapter
    let worker = try harness.start(["worker"] + common, environment: environment)
    try await worker.waitForError("serves fleet 't'")
    let result = try await harness.start(
      [
        "coordinator", "--script", "tree.ts", "--depth", "1", "--max-runs", "10", "--attempts", "1", "--allow-dead",
        "2",
      ] + common, environment: environment
    ).finish()
    #expect(result.exitCode == 0, "\(result.standardError)")
    worker.send(SIGTERM)
    #expect(try await worker.finish(within: .seconds(40)).exitCode == 0)
    try server.open()
    let drain = try await harness.start(["adapter", "drain", "--storage-path", harness.data] + adapter).finish()
    #expect(drain.exitCode == 0, "\(drain.standardError)")
    let told = try server.requests.map { try JSONParser.parse($0.body)["run_id"]?.string ?? "" }
    let accepted = try await harness.read("list", "tasks", "--state", "done").array ?? []
    #expect(Set(told) == Set(accepted.compactMap { $0["run_id"]?.string }))
    #expect(told.count == 3)
  }

  /// Nothing of URL or headers is on stdout, on stderr, in the report, in a record, or on another process' command line.
  @Test func secretsAreShownNowhere() async throws {
    var options = RedisServer.Options()
    options.password = Self.canary
    let redis = try RedisServer.start(options)
    let harness = try RunHarness()
    let script = try harness.script(
      "ps.ts",
      """
      import { readdirSync, readFileSync } from 'node:fs';
      export const config = { browser: false };
      export default async ({ emit }) => {
        const lines = [];
        for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
          try { lines.push(readFileSync(`/proc/${pid}/cmdline`, 'latin1')); } catch {}
        }
        await emit.item({ item_type: 'seen', data: { quarry: lines.filter((line) => line.includes('ps.ts')).length,
          leaks: lines.filter((line) => line.includes(['canary', '7f3a'].join('-')) && !line.includes('redis-server')).length } });
      };

      """)
    try """
    adapter:
      type: webhook
      url: http://\(Self.canary):\(Self.canary)@127.0.0.1:1/\(Self.canary)
      headers: { X-Token: "\(Self.canary)" }
      retries: 0
      outbox: true
    events:
      sinks: [{ type: lode }, { type: redis, url: "\(redis.url)", delivery: mandatory }]

    """.write(toFile: harness.path + "/q.yaml", atomically: true, encoding: .utf8)
    let result = try await harness.run(
      script, "--config", harness.path + "/q.yaml", "--report", harness.path + "/report")
    #expect(result.exitCode == 0, "\(result.standardError)")
    let report = try String(contentsOfFile: harness.path + "/report", encoding: .utf8)
    #expect(report.contains(#""state": "pending""#))
    let seen = try #require(try harness.items().first?["payload"]?["data"])
    #expect(seen["quarry"]?.integer ?? 0 > 0)
    #expect(seen["leaks"]?.integer == 0)
    let records = try harness.records().map(\.canonicalText).joined()
    let drain = try await harness.quarry(
      "adapter", "drain", "--storage-path", harness.data, "--config", harness.path + "/q.yaml")
    #expect(drain.exitCode == 1)
    let said = [result, drain].map { $0.standardOutput + $0.standardError }.joined() + report + records
    #expect(!said.contains(Self.canary))
    try "adapter: { type: webhook, url: [\(Self.canary)], headers: \(Self.canary) }\n".write(
      toFile: harness.path + "/bad.yaml", atomically: true, encoding: .utf8)
    let refused = try await harness.run(script, "--config", harness.path + "/bad.yaml")
    #expect(refused.exitCode == 2)
    #expect(!refused.standardError.contains(Self.canary), "\(refused.standardError)")
  }
}
