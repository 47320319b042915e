import Foundation
import QuarryCore
import TestSupport
import Testing

/// A shepherd that is killed by force leaves nothing behind, and the runs beside it go on.
@Suite struct OrphanTests {
  /// Starts a process in a session of its own, which starts another; both sleep for `mark` seconds.
  private static func leaving(_ mark: String, then rest: String) -> String {
    """
    import { spawn } from 'node:child_process';
    export const config = { browser: false };
    export default async ({ job, emit }) => {
      await emit.enqueue({ target: 'beside.ts', params: {} });
      await emit.item({ item_type: 'first', data: {} });
      const child = spawn('sh', ['-c', 'sleep \(mark) & echo ready; sleep \(mark)'], { detached: true });
      await new Promise((resolve) => child.stdout.once('data', resolve));
      console.error('\(mark) is up');
      \(rest)
    };

    """
  }

  private static let forEver = "await new Promise((resolve) => setTimeout(resolve, 600_000));"
  private static let untilTold = """
    while (!existsSync('../go')) await new Promise((resolve) => setTimeout(resolve, 20));
    """

  @Test func whatAKilledShepherdOwnedIsKilled() async throws {
    let harness = try RunHarness()
    let (ours, others) = ("9\(UInt32.random(in: 100_000...999_999))", "8\(UInt32.random(in: 100_000...999_999))")
    let script = try harness.script("root.ts", Self.leaving(ours, then: Self.forEver))
    let goes = harness.path + "/go"
    try harness.script(
      "beside.ts",
      "import { existsSync } from 'node:fs';\n"
        + Self.leaving(others, then: Self.untilTold.replacingOccurrences(of: "../go", with: goes)))
    let process = try harness.start([
      "run", "--script", script, "--storage-path", harness.data, "--depth", "1", "--max-runs", "1", "--parallel", "2",
    ])
    try await process.waitForError("\(ours) is up")
    try await process.waitForError("\(others) is up")
    let shepherd = try #require(Self.processes(with: ours).first.flatMap { Self.child(of: process.pid, above: $0) })
    kill(shepherd, SIGKILL)
    #expect(await ProcessWatch.noneIsLeft { Self.processes(with: ours) })
    #expect(Self.processes(with: others).count >= 2, "the run beside it was touched")
    #expect(FileManager.default.createFile(atPath: goes, contents: nil))
    let result = try await process.finish()
    #expect(result.exitCode == 2)
    #expect(result.standardError.contains("its supervisor was killed"), "\(result.standardError)")
    #expect(result.standardError.contains("1 child run, 1 success"), "\(result.standardError)")
    #expect(Self.processes(with: others).isEmpty)
    try await harness.expectSound()
  }

  private static func processes(with mark: String) -> [pid_t] {
    let ids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return ids.compactMap { pid_t($0) }.filter { id in
      let line = FileManager.default.contents(atPath: "/proc/\(id)/cmdline") ?? Data()
      let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      return words.contains { $0.hasSuffix(mark) }
    }
  }

  /// The child of `ancestor` that `process` descends from.
  private static func child(of ancestor: pid_t, above process: pid_t) -> pid_t? {
    var step = process
    while let parent = parent(of: step), parent > 1 {
      if parent == ancestor { return step }
      step = parent
    }
    return nil
  }

  private static func parent(of process: pid_t) -> pid_t? {
    let status = FileManager.default.contents(atPath: "/proc/\(process)/status") ?? Data()
    let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("PPid:") }
    return line.flatMap { pid_t($0.dropFirst(5).trimmingCharacters(in: .whitespaces)) }
  }
}
