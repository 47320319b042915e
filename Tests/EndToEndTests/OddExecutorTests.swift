import Foundation
import QuarryCore
import TestSupport
import Testing

/// Executors that break the contract: a clear message, the right exit code, nothing left running.
@Suite struct OddExecutorTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let mode: String
    let outcome: Outcome
    /// What the message must hold.
    let says: String
    var testDescription: String { mode }
  }

  static let cases = [
    Case(mode: "complete", outcome: .success, says: ""),
    Case(mode: "rubbish", outcome: .executorCrash, says: "frame"),
    Case(mode: "oversized", outcome: .executorCrash, says: "frame"),
    Case(mode: "truncated", outcome: .executorCrash, says: "frame"),
    Case(mode: "gap", outcome: .executorCrash, says: "seq"),
    Case(mode: "wrong-run", outcome: .executorCrash, says: "another"),
    Case(mode: "other-version", outcome: .versionMismatch, says: "99.0.0"),
    Case(mode: "no-terminal", outcome: .executorCrash, says: "without run_complete"),
    Case(mode: "never-reads", outcome: .executorCrash, says: "without run_complete"),
    Case(mode: "error-exit", outcome: .scriptError, says: "no luck"),
    Case(mode: "floods-stderr", outcome: .success, says: ""),
    Case(mode: "grandchild", outcome: .success, says: ""),
  ]

  @Test(arguments: cases)
  func endsWithTheRightOutcome(_ expected: Case) async throws {
    let harness = try RunHarness()
    let script = try harness.script("x.ts", "export default () => {};\n")
    let report = harness.path + "/report.json"
    let result = try await harness.run(
      script, "--executor", RunHarness.oddExecutor, "--report", report, "--run-timeout", "30s",
      environment: RunHarness.odd(expected.mode))
    #expect(result.exitCode == expected.outcome.exitCode, "\(result.standardError)")
    let written = try JSONParser.parse(String(contentsOfFile: report, encoding: .utf8))
    #expect(written["outcome"]?.string == expected.outcome.rawValue)
    #expect(written["exit_code"]?.integer == Int64(expected.outcome.exitCode))
    #expect(written["message"]?.string?.contains(expected.says) == true || expected.says.isEmpty, "\(written)")
    #expect(result.standardError.contains(expected.says) || expected.says.isEmpty)
    let stored = try await harness.read("inspect", "run", written["run_id"]?.string ?? "")
    #expect((stored["error"] == .null) == (expected.outcome == .success))
    #expect(stored["error"]?["message"]?.string?.contains(expected.says) != false, "\(stored)")
    #expect(result.standardError.utf8.count < 1 << 20)
    #expect(processesMentioning(harness.path).isEmpty)
  }

  @Test func aRunThatTakesTooLongIsKilled() async throws {
    let harness = try RunHarness()
    let script = try harness.script("x.ts", "export default () => {};\n")
    let result = try await harness.run(
      script, "--executor", RunHarness.oddExecutor, "--run-timeout", "1s", environment: RunHarness.odd("hangs"))
    #expect(result.exitCode == 2)
    #expect(result.standardError.contains("the run took longer than its timeout of 1s"), "\(result.standardError)")
    #expect(processesMentioning(harness.path).isEmpty)
  }

  /// Command lines of living processes that name the folder; only this test's own can.
  private func processesMentioning(_ folder: String) -> [String] {
    let ids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.filter { Int($0) != nil } ?? []
    return ids.compactMap { id in
      guard let data = FileManager.default.contents(atPath: "/proc/\(id)/cmdline") else { return nil }
      let line = String(decoding: data, as: UTF8.self)
      return line.contains(folder) ? line : nil
    }
  }
}
