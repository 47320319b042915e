import Foundation
import QuarryCore
import TestSupport
import Testing

/// However a run is ended and whatever its script does against it: in time, with what was read in storage, and with
/// nobody left behind.
@Suite struct RunGuardTests {
  struct Stubborn: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let script: String
    /// The least number of processes that are there when the script is at work: quarry, its shepherd, the executor.
    var processes = 3
    var flags: [String] = []
  }

  /// One item, and a turn of the event loop, at whose end its frame leaves.
  private static let begin = """
    await emit.item({ item_type: 'first', data: {} });
    await new Promise((resolve) => setTimeout(resolve, 5));
    """

  static let scripts = [
    Stubborn(
      testDescription: "a busy loop",
      script: """
        export const config = { browser: false };
        export default async ({ emit }) => { \(begin) console.error('at work'); while (true) {} };
        """),
    Stubborn(
      testDescription: "signals ignored, children in sessions of their own",
      script: """
        import { spawn } from 'node:child_process';
        export const config = { browser: false };
        const ignoring = 'trap "" TERM INT HUP; echo; while :; do sleep 0.1; done';
        export default async ({ emit }) => {
          for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {});
          \(begin)
          const child = spawn('bash', ['-c', `setsid bash -c '${ignoring}' & ${ignoring}`], { detached: true });
          let heard = 0;
          child.stdout.on('data', (bytes) => {
            heard += bytes.length;
            if (heard < 2) return;
            console.error('at work');
            while (true) {}
          });
          await new Promise(() => setInterval(() => {}, 1000));
        };
        """, processes: 5),
    Stubborn(
      testDescription: "a browser whose page is busy",
      script: """
        export default async ({ emit, page }) => {
          process.on('SIGTERM', () => {});
          \(begin)
          console.error('at work');
          await page.evaluate(() => { while (true) {} });
        };
        """, processes: 4, flags: ["--no-browser-reuse"]),
    Stubborn(
      testDescription: "a cleanup that does not end",
      script: """
        export const config = { browser: false };
        export const cleanup = () => { console.error('at work'); return new Promise(() => setInterval(() => {}, 1000)); };
        export default async ({ emit }) => { \(begin) };
        """),
  ]

  private func start(
    _ stubborn: Stubborn, in harness: borrowing RunHarness, _ more: String...
  ) async throws -> (process: RunningProcess, family: ProcessFamily) {
    let script = try harness.script("stubborn.ts", stubborn.script)
    let process = try harness.start(
      ["run", "--script", script, "--storage-path", harness.data, "--run-id", "stubborn"] + stubborn.flags + more)
    try await process.waitForError("at work")
    return (process, ProcessFamily(of: process.pid))
  }

  @Test(arguments: scripts)
  func aTerminatedRunEndsInTimeAndKeepsWhatItRead(_ stubborn: Stubborn) async throws {
    let harness = try RunHarness()
    let (process, family) = try await start(stubborn, in: harness, "--policy", "streaming", "--flush-count", "1000")
    #expect(family.count >= stubborn.processes)
    process.send(SIGTERM)
    let result = try await process.finish()
    #expect(!result.standardError.contains("not stopped within 5s"), "it ends by itself, before its own limit ends it")
    #expect(result.exitCode == 2, "\(result.standardError)")
    #expect(family.survivors == [])
    #expect(try harness.items().count == 1)
    #expect(try harness.records().count { $0["record_kind"]?.string == "metrics" } == 1)
  }

  @Test(arguments: scripts)
  func nobodySurvivesAKilledQuarry(_ stubborn: Stubborn) async throws {
    let harness = try RunHarness()
    let (process, family) = try await start(stubborn, in: harness)
    #expect(family.count >= stubborn.processes)
    process.send(SIGKILL)
    #expect(await family.remaining() == [])
    _ = try await process.finish()
  }

  @Test(arguments: scripts.dropLast())
  func theTimeoutHoldsWhateverTheScriptDoes(_ stubborn: Stubborn) async throws {
    let harness = try RunHarness()
    let (process, family) = try await start(stubborn, in: harness, "--run-timeout", "20s")
    let result = try await process.finish()
    #expect(result.exitCode == 2)
    #expect(result.standardError.contains("the run took longer than its timeout of 20s"), "\(result.standardError)")
    #expect(family.survivors == [])
    #expect(try harness.items().count == 1)
  }

  /// Where its first records lie no more, and the rest would lie alone.
  @Test(arguments: ["strict", "streaming --flush-count 21"])
  func aRunWhoseRecordsAreMovedAwayIsNoSuccess(_ policy: String) async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "many.ts",
      """
      import { existsSync } from 'node:fs';
      export const config = { browser: false };
      export default async ({ emit, job }) => {
        for (let n = 0; n < 20; n += 1) await emit.item({ item_type: 'x', data: { n } });
        await emit.checkpoint({ checkpoint_id: 'half' });
        while (!existsSync(job.moved)) await new Promise((resolve) => setTimeout(resolve, 20));
        for (let n = 20; n < 150; n += 1) await emit.item({ item_type: 'x', data: { n } });
      };
      """)
    let moved = harness.path + "/moved"
    let process = try harness.start(
      ["run", "--script", script, "--storage-path", harness.data, "--job", #"{"moved":"\#(moved)"}"#, "--policy"]
        + policy.split(separator: " ").map(String.init))
    let dataset = harness.data + "/datasets/quarry"
    let partitions = dataset + "/partitions"
    // The checkpoint is in the last commit before the script waits.
    while try harness.files({ path in
      guard path.contains("event_type=checkpoint/"), path.hasSuffix("/manifest.json") else { return false }
      let latest = FileManager.default.contents(atPath: dataset + "/latest").map { String(decoding: $0, as: UTF8.self) }
      return latest.map { path.contains("/segments/\($0)/") } ?? false
    }).isEmpty {
      try await Task.sleep(for: .milliseconds(20))
    }
    try FileManager.default.moveItem(atPath: partitions, toPath: moved)
    let result = try await process.finish()
    #expect(result.exitCode == 3, "\(result.standardError)")
    #expect(result.standardError.contains("\(partitions) was moved or removed while run"), "\(result.standardError)")
    #expect(result.standardError.contains("put it back") && !result.standardError.contains("visible"))
    #expect(!FileManager.default.fileExists(atPath: partitions))
  }

  @Test func oneOfTwoRunsWithOneIDIsRefusedAlsoWhenTheyBeginTogether() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "one.ts",
      "export const config = { browser: false };\nexport default ({ emit }) => emit.item({ item_type: 'x', data: {} });\n"
    )
    let arguments = ["run", "--script", script, "--storage-path", harness.data, "--run-id", "same"]
    let both = [try harness.start(arguments), try harness.start(arguments)]
    let results = [try await both[0].finish(), try await both[1].finish()]
    #expect(results.map(\.exitCode).sorted() == [0, 2])
    let refused = try #require(results.first { $0.exitCode == 2 })
    #expect(refused.standardError.contains("same"), "\(refused.standardError)")
    #expect(try harness.items().count == 1)
  }
}
