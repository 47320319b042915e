import Foundation
import QuarryCore
import TestSupport
import Testing

/// Signals to a run in progress.
@Suite struct RunSignalTests {
  private static let waiting = """
    export const config = { browser: false };
    export default async ({ emit }) => {
      await emit.item({ item_type: 'first', data: {} });
      await new Promise((resolve) => setTimeout(resolve, 1)); // frames leave at the end of a turn
      console.error('the first item is out');
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    };

    """

  @Test(arguments: [SIGTERM, SIGINT], [["streaming", "--flush-count"], ["buffered", "--buffer-events"]])
  func stopFlushesAndEndsWithinFiveSeconds(_ signal: Int32, _ policy: [String]) async throws {
    let harness = try RunHarness()
    let script = try harness.script("waits.ts", Self.waiting)
    let process = try harness.start(
      ["run", "--script", script, "--storage-path", harness.data, "--run-id", "w", "--policy"] + policy + ["1000"])
    try await process.waitForError("the first item is out")
    process.send(signal)
    let result = try await process.finish()
    #expect(result.exitCode == 2, "\(result.standardError)")
    #expect(!result.standardError.contains("not stopped within 5s"), "it ends by itself, before its own limit ends it")
    #expect(try harness.items().count == 1)
    #expect(try await harness.read("inspect", "run", "w")["state"]?.string == "failed")
    try await harness.expectSound()
  }

  /// A driver that ended the browser before its process would make a script see a site that fails.
  @Test func aStoppedRunSeesNothingOfItsBrowsersEnd() async throws {
    let (asked, continuation) = AsyncStream.makeStream(of: Void.self)
    let server = try HTTPServer { _, _ in
      continuation.yield()
      return .silence
    }
    let harness = try RunHarness()
    let script = try harness.script(
      "checks.ts",
      """
      export default async ({ emit, job, page }) => {
        await emit.item({ item_type: 'before', data: {} });
        await page.goto(job.url).catch(() => {});
        await emit.item({ item_type: 'link', data: { works: false } });
      };

      """)
    let process = try harness.start([
      "run", "--script", script, "--storage-path", harness.data, "--no-browser-reuse", "--job",
      #"{"url":"\#(server.url)"}"#,
    ])
    for await _ in asked { break }
    process.send(SIGTERM)
    let result = try await process.finish()
    #expect(result.exitCode == 2, "\(result.standardError)")
    #expect(result.standardError.contains("stopped before its end"), "\(result.standardError)")
    #expect(try harness.items().count == 1)
    withExtendedLifetime(server) {}
  }

  private static let policies = [
    ["strict"], ["streaming", "--flush-count", "1"], ["buffered", "--buffer-events", "1"],
  ]

  /// A mandatory stream whose server is there and never answers: what storage takes is stored, and the end is in time.
  @Test(arguments: policies)
  func aStreamThatHangsDoesNotKeepAStoppedRun(_ policy: [String]) async throws {
    let redis = try RedisServer.start()
    redis.pause()
    let harness = try RunHarness()
    let script = try harness.script(
      "waits.ts",
      """
      export const config = { browser: false };
      export default async ({ emit }) => {
        // In one turn, so that they leave together.
        await Promise.all([0, 1, 2].map((n) => emit.item({ item_type: 'early', data: { n } })));
        await new Promise((resolve) => setTimeout(resolve, 600_000));
      };

      """)
    let process = try harness.start(
      [
        "run", "--script", script, "--storage-path", harness.data, "--run-id", "w", "--event-sink", "lode",
        "--event-sink", "redis", "--event-sink-redis-url", redis.url, "--event-sink-redis-delivery", "mandatory",
        "--event-sink-redis-timeout", "10m", "--policy",
      ] + policy)
    while try harness.items().isEmpty, !process.errorSoFar.contains("failed") {
      try await Task.sleep(for: .milliseconds(10))
    }
    process.send(SIGTERM)
    let result = try await process.finish()
    redis.resume()
    #expect(result.exitCode == 2, "\(result.standardError)")
    #expect(!result.standardError.contains("not stopped within 5s"), "\(result.standardError)")
    #expect(result.standardError.contains("stream quarry:events"), "\(result.standardError)")
    let numbers = try harness.items().compactMap { $0["payload"]?["data"]?["n"]?.integer }.sorted()
    #expect(numbers == Array(0..<Int64(numbers.count)))
    // The others stop reading while a flush waits; what they have read is stored.
    #expect(numbers.count == 3 || policy.first != "streaming")
    #expect(try harness.records().count { $0["record_kind"]?.string == "metrics" } == 1)
    #expect(try await harness.read("list", "runs").array?.first?["state"]?.string == "failed")
    try await harness.expectSound()
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func aFanOutThatIsStoppedEndsInOrder(_ signal: Int32) async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "many.ts",
      """
      export const config = { browser: false };
      export default async ({ job, emit }) => {
        await emit.item({ item_type: 'page', data: {} });
        for (let n = 0; n < 30; n += 1) await emit.enqueue({ target: 'many.ts', params: { from: job.n ?? 0, n } });
        if (job.n !== undefined) console.error('a child is under way');
        await new Promise((resolve) => setTimeout(resolve, 200));
      };

      """)
    let process = try harness.start([
      "run", "--script", script, "--storage-path", harness.data, "--run-id", "root", "--depth", "3", "--max-runs",
      "1000",
      "--parallel", "2",
    ])
    try await process.waitForError("a child is under way")
    process.send(signal)
    let result = try await process.finish(within: .seconds(20))
    #expect(result.exitCode == 2, "\(result.standardError)")
    #expect(result.standardError.contains("not started"))
    let runs = try await harness.read("list", "runs").array ?? []
    #expect(runs.count < 500)
    #expect(runs.allSatisfy { $0["state"]?.string != "running" }, "\(runs)")
    try await harness.expectSound()
  }

  /// A receiver that hangs keeps the process, which a signal then ends: with what the stored runs came to.
  @Test(arguments: [SIGINT, SIGTERM], [[], ["--depth", "1", "--max-runs", "1"]])
  func aSignalWhileOthersAreToldLeavesTheExitCode(_ signal: Int32, _ fanOut: [String]) async throws {
    for (outcome, exitCode, rest) in [("succeeded", 0, ""), ("failed", 1, "throw new Error('no price');")] {
      let (told, continuation) = AsyncStream.makeStream(of: String.self)
      let server = try HTTPServer { request, _ in
        continuation.yield(request.body)
        return .silence
      }
      let harness = try RunHarness()
      let script = try harness.script(
        "brief.ts", "export const config = { browser: false };\nexport default async () => { \(rest) };\n")
      let process = try harness.start(
        [
          "run", "--script", script, "--storage-path", harness.data, "--adapter", "webhook", "--adapter-url",
          server.url,
          "--adapter-timeout", "10m",
        ] + fanOut)
      for await _ in told { break }
      process.send(signal)
      let result = try await process.finish()
      #expect(result.exitCode == exitCode, "\(result.standardError)")
      #expect(result.standardError.contains("all is in storage"), "\(result.standardError)")
      #expect(try await harness.read("list", "runs").array?.map { $0["state"]?.string } == [outcome])
    }
  }

  @Test func hangupIsSurvived() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "brief.ts",
      """
      export const config = { browser: false };
      export default async ({ emit }) => {
        console.error('started');
        await new Promise((resolve) => setTimeout(resolve, 500));
        await emit.item({ item_type: 'late', data: {} });
      };

      """)
    let process = try harness.start(["run", "--script", script, "--storage-path", harness.data])
    try await process.waitForError("started")
    process.sendToGroup(SIGHUP)
    let result = try await process.finish()
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(try harness.items().count == 1)
  }
}
