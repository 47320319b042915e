import Foundation
import QuarryCore
import TestSupport
import Testing

/// `quarry run --depth` through the built binary, with each isolation.
@Suite struct FanOutTests {
  /// Each run tells its process and how often its module was called; the root enqueues `job.children`.
  static let family = """
    let calls = 0;
    export const config = { browser: false };
    export default async ({ job, run, emit }) => {
      await emit.item({ item_type: 'run', data: { name: job.name ?? 'root', pid: process.pid, calls: ++calls } });
      for (const child of job.children ?? []) {
        await emit.enqueue({ target: 'family.ts', params: { name: child.name, children: child.children }, options: child.options });
      }
    };

    """

  private func items(_ harness: borrowing RunHarness) throws -> [JSONValue] {
    try harness.items().compactMap { $0["payload"]?["data"] }
  }

  @Test(arguments: ["process", "module", "none"])
  func childrenRunWithEachIsolation(_ isolation: String) async throws {
    let harness = try RunHarness()
    let script = try harness.script("family.ts", Self.family)
    let children = (1...6).map { #"{"name":"c\#($0)"}"# }.joined(separator: ",")
    let result = try await harness.run(
      script, "--run-id", "root", "--job-id", "j", "--depth", "1", "--max-runs", "5", "--parallel", "2", "--isolation",
      isolation, "--format", "json", "--job", "{\"children\":[\(children),{\"name\":\"c1\"}]}")
    #expect(result.exitCode == 0, "\(result.standardError)")
    let summary = try JSONParser.parse(result.standardOutput)
    #expect(summary["outcome"] == "success")
    #expect(summary["children"]?["started"] == 5)
    #expect(summary["children"]?["outcomes"] == ["success": 5])
    #expect(summary["children"]?["beyond_max_runs"] == 1)
    #expect(summary["children"]?["duplicates"] == 1)

    let items = try items(harness)
    #expect(Set(items.compactMap { $0["name"]?.string }) == ["root", "c1", "c2", "c3", "c4", "c5"])
    let processes = Set(items.compactMap { $0["pid"]?.integer })
    #expect(isolation == "process" ? processes.count == 6 : processes.count <= 2)
    let calls = items.compactMap { $0["calls"]?.integer }
    #expect(isolation == "none" ? calls.contains { $0 > 1 } : calls.allSatisfy { $0 == 1 })

    let job = try await harness.read("inspect", "job", "j")
    #expect(job["run_ids"]?.array?.count == 6)
    #expect(job["runs"]?.array?.count == 1)
    #expect(job["runs"]?.array?.first?["run_id"] == "root")
    #expect(job["runs"]?.array?.first?["children"]?.array?.count == 5)
    #expect(result.standardError.contains("warning") == false, "\(result.standardError)")
  }

  @Test func anEnqueuesOwnOptionsHold() async throws {
    let harness = try RunHarness()
    let script = try harness.script("family.ts", Self.family)
    try harness.script(
      "sleeps.ts",
      """
      export const config = { browser: false };
      export default () => new Promise((resolve) => setTimeout(resolve, 600_000));

      """)
    let root = try harness.script(
      "root.ts",
      """
      export const config = { browser: false };
      export default async ({ emit }) => {
        const child = (name, options) => emit.enqueue({ target: 'family.ts', params: { name }, options });
        await child('delayed', { delay_ms: 300, lane: 'high' });
        await child('low', { lane: 'low' });
        await child('default', {});
        await child('high', { lane: 'high', host: 'shop.test' });
        await emit.enqueue({ target: 'sleeps.ts', params: {}, options: { timeout_ms: 700 } });
      };

      """)
    let result = try await harness.run(root, "--depth", "1", "--max-runs", "9", "--format", "json")
    #expect(result.exitCode == 0, "\(result.standardError)")
    let order = try harness.items().sorted { ($0["ts"]?.string ?? "") < ($1["ts"]?.string ?? "") }
      .compactMap { $0["payload"]?["data"]?["name"]?.string }
    #expect(order.first == "high" && order.filter { $0 != "delayed" } == ["high", "default", "low"], "\(order)")
    let summary = try JSONParser.parse(result.standardOutput)
    #expect(summary["children"]?["outcomes"] == ["success": 4, "executor_crash": 1])
    #expect(result.standardError.contains("its timeout of 700ms"), "\(result.standardError)")
    _ = script
  }

  @Test func aForeignExecutorIsStartedForEachRun() async throws {
    let harness = try RunHarness()
    let result = try await harness.run(
      try harness.script("any.ts", ""), "--depth", "1", "--max-runs", "2", "--executor", RunHarness.oddExecutor,
      environment: RunHarness.odd("complete"))
    #expect(result.standardError.contains("not the executor of this program"), "\(result.standardError)")
    #expect(result.exitCode == 0, "\(result.standardError)")
  }
}
