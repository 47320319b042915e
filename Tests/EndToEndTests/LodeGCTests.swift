import Foundation
import QuarryCore
import TestSupport
import Testing

/// `quarry lode gc` on a dataset that a killed `quarry run` has written.
@Suite struct LodeGCTests {
  private func gc(_ harness: borrowing RunHarness, _ arguments: String...) async throws -> (Int32, JSONValue) {
    let result = try await harness.start(["lode", "gc", "--storage-path", harness.data] + arguments).finish()
    return (result.exitCode, try JSONParser.parse(result.standardOutput))
  }

  private func age(_ harness: borrowing RunHarness) throws {
    for path in try harness.files({ _ in true }) {
      try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: -7_200)], ofItemAtPath: path)
    }
  }

  private static let script = """
    export const config = { browser: false };
    export default async ({ emit, storage }) => {
      await storage.put({ filename: 'a.txt', content_type: 'text/plain', data: Buffer.from('hello') });
      console.error('the file is out');
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    };

    """

  /// A file that no commit lists yet stays as long as its run goes on, and goes when the run was killed.
  @Test func whatAKilledRunLeftGoes() async throws {
    let harness = try RunHarness()
    let numbers = try harness.script("numbers.ts", RunCommandTests.plain)
    let whole = try await harness.run(numbers, "--job", #"{"count":3}"#)
    #expect(whole.exitCode == 0, "\(whole.standardError)")
    let records = try harness.records().count
    let script = try harness.script("file.ts", Self.script)
    let process = try harness.start(["run", "--script", script, "--storage-path", harness.data])
    try await process.waitForError("the file is out")
    try age(harness)
    let (held, live) = try await gc(harness, "--yes")
    #expect(held == 0 && live["held"] == 2 && live["removed"] == 0, "\(live)")

    process.send(SIGKILL)
    _ = try await process.finish()
    try age(harness)
    let (_, dry) = try await gc(harness, "--dry-run")
    #expect(dry["removable"] == 2 && dry["leftovers"]?.array?.count == 2, "\(dry)")
    let before = try harness.files { _ in true }
    #expect(before.contains { $0.hasSuffix("/a.txt") })
    let (code, answer) = try await gc(harness, "--yes")
    #expect(code == 0 && answer["removed"] == 2 && answer["failed"] == 0, "\(answer)")
    #expect(answer["leftovers"]?.array?.first?["kind"] == "sidecar")
    #expect(try harness.files { $0.contains("source=file") }.filter { $0.contains("run_id=") } == [])
    #expect(try harness.records().count == records)
    try await harness.expectSound()
  }

  @Test func whatCameBeforeAFailureIsTold() async throws {
    let harness = try RunHarness()
    let numbers = try harness.script("numbers.ts", RunCommandTests.plain)
    let whole = try await harness.run(numbers, "--job", #"{"count":3}"#)
    #expect(whole.exitCode == 0, "\(whole.standardError)")
    let folder = "\(harness.data)/datasets/quarry"
    for name in ["1", "2"] { try Data("x".utf8).write(to: URL(filePath: "\(folder)/.lode-cas-\(name)")) }
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -7_200)], ofItemAtPath: "\(folder)/.lode-cas-1")
    try FileManager.default.removeItem(atPath: "\(folder)/latest.lock")
    try FileManager.default.createDirectory(atPath: "\(folder)/latest.lock", withIntermediateDirectories: false)
    let result = try await harness.start(["lode", "gc", "--yes", "--storage-path", harness.data]).finish()
    #expect(result.exitCode == 1 && result.standardError.contains("latest.lock"), "\(result.standardError)")
    let answer = try JSONParser.parse(result.standardOutput)
    #expect(answer["young"] == 1 && answer["removed"] == 0, "\(answer)")
  }

  @Test func itDoesNothingUnasked() async throws {
    let harness = try RunHarness()
    func expect(_ arguments: String..., code: Int32, says text: String) async throws {
      let result = try await harness.start(["lode", "gc", "--storage-path", harness.data] + arguments).finish()
      #expect(result.exitCode == code && result.standardError.contains(text), "\(arguments): \(result.standardError)")
      #expect(result.standardOutput.isEmpty)
    }
    try await expect(code: 2, says: "nothing is removed unasked")
    try await expect("--yes", "--dry-run", code: 2, says: "exclude each other")
    try await expect("--yes", "--older-than", "5m", code: 2, says: "at least 15m")
    try await expect("--yes", code: 1, says: "no dataset in")
    #expect(try harness.files { _ in true } == [])
  }
}
