import QuarryCore
import TestSupport
import Testing

@Suite struct VersionCommandTests {
  @Test func theBuiltBinaryAnswers() async throws {
    let result = try await runProcess(BuiltProducts.quarry, ["version"])
    #expect(result.exitCode == 0)
    #expect(try JSONParser.parse(result.standardOutput)["version"]?.string == Version.current)
    #expect(result.standardError.isEmpty)
  }
}
