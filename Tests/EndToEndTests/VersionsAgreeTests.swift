import Foundation
import QuarryCore
import TestSupport
import Testing

/// One version everywhere: the binary, the VERSION file, both packages and every contract.
@Suite struct VersionsAgreeTests {
  private func text(_ path: String) throws -> String {
    try String(contentsOfFile: BuiltProducts.root + "/" + path, encoding: .utf8)
  }

  @Test func theBinarySaysTheVersionOfTheProject() async throws {
    let result = try await runProcess(BuiltProducts.quarry, ["version"])
    #expect(result.exitCode == 0)
    let version = try JSONParser.parse(result.standardOutput)["version"]?.string
    #expect(version == Version.current)
    #expect(try text("VERSION").trimmingCharacters(in: .whitespacesAndNewlines) == version)
  }

  @Test(arguments: ["sdk/package.json", "executor-node/package.json"])
  func thePackagesHaveIt(_ path: String) throws {
    #expect(try JSONParser.parse(text(path))["version"]?.string == Version.current)
  }

  @Test(arguments: ["EMIT", "IPC", "RUN", "POLICY", "LODE", "PROXY", "CLI", "METRICS", "INTEGRATION", "FLEET"])
  func theContractsHaveIt(_ name: String) throws {
    #expect(try text("docs/contracts/CONTRACT_\(name).md").contains("Contract version: \(Version.current)\n"))
  }
}
