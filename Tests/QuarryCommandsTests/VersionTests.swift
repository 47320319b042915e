import QuarryCommands
import QuarryCore
import Testing

@Suite struct VersionTests {
  @Test func jsonByDefault() async throws {
    let result = await CommandHarness().run("version")
    #expect(result.exitCode == 0)
    let value = try JSONParser.parse(result.output)
    #expect(value["version"]?.string == Version.current)
    #expect(value["commit"]?.string?.isEmpty == false)
  }

  @Test func theFlagPrintsTheNumberAlone() async {
    let result = await CommandHarness().run("--version")
    #expect(result.exitCode == 0)
    #expect(result.output == Version.current + "\n")
  }

  @Test func tableOnATerminal() async {
    let result = await CommandHarness(isTerminal: true).run("version")
    #expect(result.output.hasPrefix("version  \(Version.current)\n"))
  }

  @Test func yamlOnRequest() async {
    let result = await CommandHarness().run("version", "--format", "yaml")
    #expect(result.output.hasPrefix("version: \(Version.current)\n"))
  }
}
