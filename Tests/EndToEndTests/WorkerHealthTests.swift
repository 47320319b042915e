import Foundation
import QuarryCore
import TestSupport
import Testing

/// Workers whose storage is gone, whose executors crash, and which hold too much memory, as real processes: they stop
/// claiming, say so, and go on.
@Suite(.timeLimit(.minutes(10))) struct WorkerHealthTests {
  private static let pages = """
    import { existsSync } from 'node:fs';
    export const config = { browser: false };
    export default async ({ job, emit }) => {
      await emit.log({ level: 'info', message: 'begun' });
      if (!job.name) for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await emit.enqueue({ target: 'pages.ts', params: { name } });
      while (job.name && !existsSync('go')) await new Promise((done) => setTimeout(done, 20));
      await emit.item({ item_type: 'page', data: { name: job.name ?? 'root' } });
      if (job.name && existsSync('crash')) process.kill(process.pid, 'SIGKILL');
    };

    """

  private struct Fleet: ~Copyable {
    let harness: RunHarness
    let redis: RedisServer
    var common: [String] { ["--redis", redis.url, "--fleet", "t"] }
    /// A link to the folder with the data.
    var store: String { harness.path + "/store" }
    var storing: [String] { ["--storage-path", store, "--script-root", harness.path] }

    init() throws {
      let harness = try RunHarness()
      try harness.script("pages.ts", WorkerHealthTests.pages)
      try Self.point(harness.path + "/store", at: harness.data)
      redis = try RedisServer.start()
      self.harness = harness
    }

    /// The storage path leads there from now on, at once.
    func point(at place: String) throws { try Self.point(store, at: place) }

    private static func point(_ link: String, at place: String) throws {
      try FileManager.default.createSymbolicLink(atPath: link + ".new", withDestinationPath: place)
      guard rename(link + ".new", link) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    func worker(_ flags: String...) async throws -> RunningProcess {
      let worker = try harness.start(["worker"] + flags + common + storing)
      try await worker.waitForError("serves fleet 't'", within: .seconds(120))
      return worker
    }

    func crawl(_ flags: String...) throws -> RunningProcess {
      try harness.start(
        ["coordinator", "--script", "pages.ts", "--job-id", "j", "--depth", "1", "--max-runs", "99", "--lease", "120s"]
          + flags + common + storing)
    }

    /// Asks until the only worker's `health` is as it should be, or the test's time is over.
    func waitForHealth(_ condition: (String?) -> Bool) async throws {
      while true {
        let result = try await harness.start(["list", "workers", "--format", "json"] + common).finish(
          within: .seconds(120))
        let workers = try JSONParser.parse(result.standardOutput).array ?? []
        if workers.count == 1, condition(workers[0]["health"]?.string) { return }
        try await Task.sleep(for: .milliseconds(100))
      }
    }

    func expectWhole(_ crawl: RunningProcess) async throws {
      let end = try await crawl.finish(within: .seconds(240))
      #expect(end.exitCode == 0, "\(end.standardError)")
      let summary = try JSONParser.parse(end.standardOutput)
      #expect(summary["done"]?.integer == 7 && summary["dead"]?.integer == 0)
      let items = try await harness.quarry(
        "cat", "--storage-path", harness.data, "--accepted", "--job", "j", "--type", "item", "--field", "data.name",
        "--raw")
      #expect(
        items.standardOutput.split(separator: "\n").sorted() == ["a", "b", "c", "d", "e", "f", "root"],
        "\(items.standardError)")
      try await harness.expectSound()
    }
  }

  @Test func storageThatIsAwayStopsClaimsAndCostsNothing() async throws {
    let fleet = try Fleet()
    let worker = try await fleet.worker("--concurrency", "2")
    let crawl = try fleet.crawl("--attempts", "1", "--crashes", "1")
    while worker.errorSoFar.components(separatedBy: " started (task").count < 4 {
      try await Task.sleep(for: .milliseconds(50))
    }
    try fleet.point(at: try fleet.harness.script("file", "no folder"))
    try fleet.harness.script("go", "")
    try await worker.waitForError("storage refused", within: .seconds(120))
    try await fleet.waitForHealth { $0?.hasPrefix("storage: ") == true }
    try await crawl.waitForError(
      "the only worker that may run this job claims nothing: storage: ", within: .seconds(120))
    let top = try await fleet.harness.start(["top", "--once", "--format", "table"] + fleet.common).finish(
      within: .seconds(120))
    #expect(top.exitCode == 0 && top.standardOutput.contains(#/unwell +[^ ]+:  storage: /#), "\(top.standardOutput)")
    try fleet.point(at: fleet.harness.data)
    try await fleet.expectWhole(crawl)
    try await fleet.waitForHealth { $0 == nil }
    worker.send(SIGTERM)
    let end = try await worker.finish(within: .seconds(120))
    #expect(end.exitCode == 0 && end.standardError.contains("claiming again"), "\(end.standardError)")
  }

  @Test func executorsThatCrashInARowStopClaimsUntilOneHolds() async throws {
    let fleet = try Fleet()
    try fleet.harness.script("crash", "")
    try fleet.harness.script("go", "")
    let worker = try await fleet.worker()
    let crawl = try fleet.crawl("--crashes", "50", "--crash-base", "10ms")
    try await worker.waitForError("executors crash one after another", within: .seconds(240))
    try await fleet.waitForHealth { $0?.hasPrefix("crash: ") == true }
    try FileManager.default.removeItem(atPath: fleet.harness.path + "/crash")
    try await fleet.expectWhole(crawl)
    try await fleet.waitForHealth { $0 == nil }
    worker.send(SIGTERM)
    let end = try await worker.finish(within: .seconds(120))
    #expect(end.exitCode == 0 && end.standardError.contains("claiming again"), "\(end.standardError)")
  }

  @Test func aLimitBelowWhatAWorkerNeedsIsRefused() async throws {
    let fleet = try Fleet()
    let result = try await fleet.harness.start(["worker", "--max-rss", "1MiB"] + fleet.common + fleet.storing).finish(
      within: .seconds(120))
    #expect(result.exitCode == 2)
    #expect(result.standardError.contains("--max-rss 1MiB is less than a worker holds"))
  }

}
