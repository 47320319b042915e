import Foundation
import QuarryCore
import TestSupport
import Testing

/// An answer that does not reach its reader is no success.
@Suite struct OutputFailureTests {
  private func shell(_ redirection: String) async throws -> ProcessResult {
    try await runProcess("/bin/sh", ["-c", "exec \"$0\" version \(redirection)", BuiltProducts.quarry])
  }

  @Test func aFullDeviceIsAnError() async throws {
    let result = try await shell("> /dev/full")
    #expect(result.exitCode == 1)
    #expect(result.standardError.contains("could not be written to stdout: No space left on device"))
  }

  @Test func aClosedOutputIsAnError() async throws {
    let result = try await shell(">&-")
    #expect(result.exitCode == 1)
    #expect(result.standardError.contains("could not be written to stdout: Bad file descriptor"))
  }

  @Test func helpTooHasToArrive() async throws {
    let result = try await runProcess("/bin/sh", ["-c", "exec \"$0\" --help > /dev/full", BuiltProducts.quarry])
    #expect(result.exitCode == 1)
  }

  @Test func aReaderThatHasGoneIsNone() async throws {
    let result = try await runProcess(
      "/bin/bash", ["-c", "\"$0\" version | true; exit ${PIPESTATUS[0]}", BuiltProducts.quarry])
    #expect(result.exitCode == 0)
    #expect(result.standardError.isEmpty)
  }

  @Test func aRunThatPrintsNothingNeedsNoOutput() async throws {
    let harness = try RunHarness()
    let script = try harness.script("numbers.ts", RunCommandTests.plain)
    let result = try await runProcess(
      "/bin/sh",
      ["-c", "exec \"$0\" run --script \"$1\" --storage-path \"$2\" --job '{\"count\":1}' >&- <&-"]
        + [BuiltProducts.quarry, script, harness.data])
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(try harness.items().count == 1)
  }
}
