import Foundation
import QuarryCore
import Testing

/// One version for everything: whoever changes it in one place is told of the others.
@Suite struct VersionTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  func text(_ path: String) throws -> String {
    try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
  }

  @Test func theVersionFileAgrees() throws {
    #expect(try text("VERSION") == Version.current + "\n")
  }

  @Test(arguments: ["sdk/package.json", "executor-node/package.json"]) func packagesAgree(path: String) throws {
    #expect(try JSONParser.parse(text(path))["version"]?.string == Version.current)
  }

  @Test(arguments: [
    "EMIT", "IPC", "RUN", "POLICY", "LODE", "PROXY", "CLI", "METRICS", "INTEGRATION", "FLEET",
  ]) func contractsAgree(name: String) throws {
    let page = try text("docs/contracts/CONTRACT_\(name).md")
    #expect(page.contains("\nContract version: \(Version.current)\n"))
  }

  @Test func theChangelogHasIt() throws {
    #expect(try text("CHANGELOG.md").contains("\n## \(Version.current)\n"))
  }
}
