import Foundation
import QuarryCore
import TestSupport
import Testing

/// A crawl by two workers of a site that wants to be visited slowly, and that refuses once.
@Suite(.timeLimit(.minutes(10))) struct PolitenessTests {
  static let site = """
    export const config = { browser: false };
    export default async ({ job, emit, run }) => {
      if (!job.url) {
        for (let page = 0; page < 9; page++) {
          await emit.enqueue({ target: 'site.ts', params: { url: `http://shop.test:8080/${page}` } });
        }
        return;
      }
      const refused = job.url.endsWith('/2') && run.attempt === 1;
      await emit.hostReport({ host: 'shop.test:8080', status: refused ? 429 : 200, ...(refused && { retry_after_ms: 700 }) });
      if (refused) throw new Error('slow down');
      await emit.item({ item_type: 'page', data: { url: job.url } });
    };

    """

  @Test func aHostIsVisitedAsTheCrawlAndTheHostWantIt() async throws {
    let harness = try RunHarness()
    try harness.script("site.ts", Self.site)
    let environment = ["XDG_STATE_HOME": harness.path + "/state", "XDG_RUNTIME_DIR": harness.path]
    let common = ["--fleet", "t", "--storage-path", harness.data, "--script-root", harness.path]
    let first = try harness.start(["worker", "--concurrency", "3"] + common, environment: environment)
    let second = try harness.start(["worker", "--concurrency", "3"] + common, environment: environment)
    try await first.waitForError("serves fleet 't' with 3 slots")
    try await second.waitForError("serves fleet 't' with 3 slots")
    let result = try await harness.start(
      [
        "coordinator", "--script", "site.ts", "--job-id", "job-1", "--depth", "1", "--max-runs", "100",
        "--host-concurrency", "2", "--host-delay", "250ms", "--host-max-pages", "7", "--job-concurrency", "4",
      ] + common, environment: environment
    ).finish(within: .seconds(240))
    #expect(result.exitCode == 0, "\(result.standardError)")
    let summary = try JSONParser.parse(result.standardOutput)
    #expect(summary["done"] == 8 && summary["cut_by_host_max_pages"] == 2 && summary["dead"] == 0)
    let urls = Set(try harness.items().compactMap { $0["payload"]?["data"]?["url"]?.string })
    #expect(urls.count == 7)

    func ask(_ arguments: String...) async throws -> JSONValue {
      let result = try await harness.start(arguments + ["--fleet", "t"], environment: environment).finish()
      #expect(result.exitCode == 0, "\(arguments): \(result.standardError)")
      return try JSONParser.parse(result.standardOutput)
    }
    var starts: [Int64] = []
    for task in try await ask("list", "tasks", "--state", "done").array ?? [] {
      let task = try await ask("inspect", "task", task["task_id"]?.string ?? "")
      guard task["host"] == "shop.test" else { continue }
      let start = try #require(task["started_at"]?.string.flatMap({ Timestamp($0) }))
      starts.append(start.nanoseconds / 1_000_000)
      let url = try #require(task["params"]?["url"]?.string)
      #expect(task["blocks"]?.string == (url.hasSuffix("/2") ? "1 of 10" : "0 of 10"), "\(task)")
      #expect(task["app_failures"] == "0 of 4")
    }
    starts.sort()
    #expect(starts.count == 7)
    for (one, next) in zip(starts, starts.dropFirst()) { #expect(next - one >= 250, "\(starts)") }
    let job = try await ask("inspect", "job", "job-1")
    #expect(job["host_concurrency"] == 2 && job["host_delay_ms"] == 250 && job["job_concurrency"] == 4)
    for worker in [first, second] {
      worker.send(SIGTERM)
      #expect(try await worker.finish(within: .seconds(60)).exitCode == 0)
    }
  }

  /// Each of the two waits for the other before it emits anything.
  static let pair = """
    import { existsSync, writeFileSync } from 'node:fs';
    export const config = { browser: false };
    export default async ({ job, emit }) => {
      if (!job.url) {
        await emit.enqueue({ target: 'pair.ts', params: { url: 'http://shop.test/a', own: 'a', other: 'b' } });
        await emit.enqueue({ target: 'pair.ts', params: { url: 'http://shop.test/b', own: 'b', other: 'a' } });
        return;
      }
      writeFileSync(`begun-${job.own}`, '');
      while (!existsSync(`begun-${job.other}`)) await new Promise((resolve) => setTimeout(resolve, 10));
      await emit.item({ item_type: 'page', data: { url: job.url } });
    };

    """

  @Test func spacingCountsFromWhenAScriptBeginsAndNotFromItsFirstEvent() async throws {
    let harness = try RunHarness()
    try harness.script("pair.ts", Self.pair)
    let environment = ["XDG_STATE_HOME": harness.path + "/state", "XDG_RUNTIME_DIR": harness.path]
    let common = ["--fleet", "t", "--storage-path", harness.data, "--script-root", harness.path]
    let worker = try harness.start(["worker", "--concurrency", "2"] + common, environment: environment)
    try await worker.waitForError("serves fleet 't' with 2 slots")
    let result = try await harness.start(
      [
        "coordinator", "--script", "pair.ts", "--depth", "1", "--max-runs", "3", "--host-concurrency", "2",
        "--host-delay", "100ms", "--run-timeout", "120s",
      ] + common, environment: environment
    ).finish(within: .seconds(240))
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(try harness.items().count == 2)
    worker.send(SIGTERM)
    #expect(try await worker.finish(within: .seconds(60)).exitCode == 0)
  }
}
