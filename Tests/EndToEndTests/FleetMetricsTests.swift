import Foundation
import QuarryCore
import TestSupport
import Testing

/// What a real coordinator and a real worker tell Prometheus.
@Suite(.timeLimit(.minutes(10))) struct FleetMetricsTests {
  private static let pages = """
    import { existsSync } from 'node:fs';
    export const config = { browser: false };
    export default async ({ job, emit }) => {
      await emit.item({ item_type: 'page', data: { name: job.name ?? 'root' } });
      if (job.fail) throw new Error('this page is broken');
      if (job.name) return;
      await emit.enqueue({ target: 'pages.ts', params: { name: 'a' }, options: { lane: 'high', host: 'a.example' } });
      await emit.enqueue({ target: 'pages.ts', params: { name: 'bad', fail: true } });
      await emit.enqueue({ target: 'pages.ts', params: { name: 'later' }, options: { delay_ms: 86400000 } });
    };

    """

  /// Samples by name and labels, as the text has them.
  private func samples(_ answer: String) -> [String: Double] {
    var samples: [String: Double] = [:]
    for line in answer.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " ") else { continue }
      samples[String(line[..<space])] = Double(line[line.index(after: space)...])
    }
    return samples
  }

  /// Reads until the condition holds, or the test's time is over.
  private func wait(
    _ read: () async throws -> String, until condition: ([String: Double]) -> Bool
  ) async throws -> (text: String, samples: [String: Double]) {
    while true {
      let text = try await read()
      let samples = samples(text)
      if condition(samples) { return (text, samples) }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// The port that the process says it has taken.
  private func port(of process: RunningProcess) async throws -> UInt16 {
    try await process.waitForError("metrics at http://127.0.0.1:", within: .seconds(120))
    let rest = process.errorSoFar.components(separatedBy: "metrics at http://127.0.0.1:")[1]
    return try #require(UInt16(rest.prefix { $0.isNumber }))
  }

  @Test func aFleetIsSeenFromOutside() async throws {
    let harness = try RunHarness()
    try harness.script("pages.ts", Self.pages)
    var options = RedisServer.Options()
    options.password = "very-secret"
    let redis = try RedisServer.start(options)
    let common = [
      "--redis", redis.url, "--fleet", "t", "--storage-path", harness.data, "--script-root", harness.path,
    ]
    let socket = harness.path + "/metrics.sock"
    let coordinator = try harness.start(
      ["coordinator", "--lease", "120s", "--heartbeat", "1s", "--attempts", "2", "--retry-base", "10ms"] + common
        + ["--metrics-addr", "unix:" + socket])
    try await coordinator.waitForError("leading the fleet", within: .seconds(120))
    let submitted = try await harness.start(
      [
        "submit", "--script", "pages.ts", "--depth", "2", "--max-runs", "99", "--redis", redis.url, "--fleet", "t",
        "--wait", "120s",
      ]
    ).finish(within: .seconds(240))
    #expect(submitted.exitCode == 0, "\(submitted.standardError)")
    let fleet: () async throws -> String = { try await RawClient(path: socket).get("/metrics") }
    let before = try await wait(fleet) { $0["quarry_fleet_tasks{state=\"ready\"}"] == 1 }.samples
    #expect(before["quarry_fleet_eligible_tasks{lane=\"default\"}"] == 1)
    #expect(before["quarry_fleet_desired_workers"] == 1)
    #expect(before["quarry_coordinator_leading"] == 1)
    #expect(before["quarry_fleet_workers{state=\"claiming\"}"] == 0)

    let worker = try harness.start(["worker", "--concurrency", "2"] + common + ["--metrics-addr", ":0"])
    let port = try await port(of: worker)
    let after = try await wait({ try await RawClient(port: port).get("/metrics") }) {
      $0["quarry_worker_deaths_total"] == 1 && $0["quarry_worker_runs_total{outcome=\"accepted\"}"] == 2
        && $0["quarry_worker_unsettled"] == 0
    }
    #expect(after.text.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"))
    let own = after.samples
    #expect(own["quarry_worker_runs_total{outcome=\"app\"}"] == 2 && own["quarry_worker_retries_total"] == 1)
    #expect(own["quarry_worker_claims_total"] ?? 0 >= 4 && own["quarry_worker_items_total"] == 2)
    #expect(own["quarry_worker_run_duration_seconds_count"] == 2)
    #expect(own["quarry_executor_starts_total"] ?? 0 >= 1)
    #expect(own["quarry_executor_crashes_total"] == 0)
    #expect(own["quarry_storage_records_written_total"] ?? 0 >= 8)
    #expect(own["quarry_storage_commit_duration_seconds_count"] ?? 0 >= 4)
    #expect(own["quarry_ledger_append_duration_seconds_count"] ?? 0 >= 1)
    #expect(own["quarry_redis_up"] == 1 && own["quarry_redis_round_trips_total"] ?? 0 > 10)
    #expect(own["process_resident_memory_bytes"] ?? 0 > 1e6)
    #expect(own["quarry_worker_hindered{cause=\"storage\"}"] == 0)

    let end = try await wait(fleet) {
      $0["quarry_fleet_tasks{state=\"done\"}"] == 2 && $0["quarry_fleet_unsettled"] == 0
    }
    #expect(end.samples["quarry_fleet_tasks{state=\"scheduled\"}"] == 1)
    #expect(end.samples["quarry_fleet_tasks{state=\"dead\"}"] == 1)
    #expect(end.samples["quarry_fleet_desired_workers"] == 0)
    #expect(end.samples["quarry_fleet_slots"] == 2)
    #expect(!end.text.contains("very-secret") && !after.text.contains("very-secret"))
    try expectDocumented(end.text + after.text)

    try await expectOutage(redis, worker: port, coordinator: socket)
    for process in [worker, coordinator] {
      process.send(SIGTERM)
      #expect(try await process.finish(within: .seconds(240)).exitCode == 0)
    }
    #expect(!FileManager.default.fileExists(atPath: socket))
  }

  /// Every name is in the contract.
  private func expectDocumented(_ text: String) throws {
    let contract = try String(
      contentsOfFile: BuiltProducts.root + "/docs/contracts/CONTRACT_METRICS.md", encoding: .utf8)
    for line in text.split(separator: "\n") where line.hasPrefix("# TYPE ") {
      let name = line.split(separator: " ")[2]
      #expect(contract.contains("`\(name)`"), "\(name) is not in CONTRACT_METRICS.md")
    }
  }

  /// Both go on answering while Redis hangs, and say so.
  private func expectOutage(_ redis: RedisServer, worker port: UInt16, coordinator socket: String) async throws {
    redis.pause()
    defer { redis.resume() }
    for read: () async throws -> String in [
      { try await RawClient(port: port).get("/healthz") }, { try await RawClient(path: socket).get("/healthz") },
    ] {
      while try await !read().hasSuffix("Redis does not answer\n") { try await Task.sleep(for: .milliseconds(200)) }
    }
    let away = samples(try await RawClient(path: socket).get("/metrics"))
    #expect(away["quarry_redis_up"] == 0 && away["quarry_fleet_outbox"] == nil)
    #expect(away["quarry_redis_errors_total{kind=\"outage\"}"] ?? 0 >= 1)
  }

  @Test func anAddressThatCannotBeIsRefusedBeforeAnythingStarts() async throws {
    let harness = try RunHarness()
    let taken = harness.path + "/taken"
    try harness.script("taken", "")
    for (address, reason) in [("nonsense", "'nonsense' is no address"), ("unix:" + taken, "it is in use")] {
      for command in ["worker", "coordinator"] {
        let result = try await harness.start(
          [command, "--metrics-addr", address, "--storage-path", harness.data, "--redis", "unix:///nowhere"]
        ).finish(within: .seconds(120))
        #expect(result.exitCode == 2)
        #expect(result.standardError.contains(reason) && result.standardError.contains("--metrics-addr"))
      }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: harness.data).isEmpty)
  }
}
