import TestSupport
import Testing

/// Arguments are bytes: what is not UTF-8 would name something else once it is repaired.
@Suite struct ArgumentBytesTests {
  @Test(arguments: [#"--run-id "$(printf 'a\377')""#, #""--script=$(printf 's\377.ts')""#])
  func whatIsNotTextIsRefusedByItsPlace(_ argument: String) async throws {
    let result = try await runProcess(
      "/bin/sh", ["-c", "exec \"$0\" run --quiet \(argument) --storage-path /nonexistent", BuiltProducts.quarry])
    #expect(result.exitCode == 2)
    let place = argument.hasPrefix("--run-id") ? "argument 4 is not UTF-8" : "argument 3 is not UTF-8"
    #expect(result.standardError.contains(place), "\(result.standardError)")
  }
}
