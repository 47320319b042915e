import Foundation
import QuarryCommands
import TestSupport
import Testing

/// What `--help` offers is there.
@Suite struct HelpTests {
  /// Each line of `--complete`: a word that may come next.
  private func proposals(_ words: [String]) async -> [String] {
    let answer = await CommandHarness().run(["--complete"] + words).output
    return answer.split(separator: "\n").compactMap { $0.split(separator: "\t").first.map(String.init) }
  }

  /// Of the whole tree: a flag that two groups of a command declare would be taken by one of them alone.
  @Test func noCommandHasAFlagTwice() async {
    var open: [[String]] = [[]]
    var count = 0
    while let command = open.popLast() {
      let names = await proposals(command + ["-"])
      #expect(Set(names).count == names.count && names.contains("--help"), "\(command): \(names)")
      let help = await CommandHarness().run(command + ["--help"])
      #expect(help.exitCode == 0 && help.output.hasPrefix("OVERVIEW: "), "\(command): \(help.error)")
      let below = await proposals(command + [""])
      #expect(Set(below).count == below.count, "\(command): \(below)")
      open += below.map { command + [$0] }
      count += 1
    }
    #expect(count > 50)
  }

  static let commands: [[String]] = [
    [], ["run"], ["coordinator"], ["worker"], ["list"], ["list", "runs"], ["list", "tasks"], ["list", "workers"],
    ["list", "jobs"], ["list", "pools"], ["list", "executors"], ["inspect"], ["inspect", "run"], ["inspect", "task"],
    ["inspect", "job"], ["inspect", "worker"], ["inspect", "executor"], ["inspect", "proxy"], ["stats"],
    ["stats", "runs"], ["stats", "jobs"], ["stats", "tasks"], ["stats", "proxies"], ["stats", "executors"],
    ["stats", "metrics"], ["debug"], ["debug", "resolve"], ["debug", "resolve", "proxy"],
    ["cat"], ["artifact"], ["artifact", "get"], ["lode"], ["lode", "verify"], ["lode", "gc"], ["adapter"],
    ["adapter", "drain"],
    ["config"], ["config", "check"], ["version"], ["pause"], ["pause", "fleet"], ["pause", "job"], ["pause", "worker"],
    ["resume"], ["resume", "job"], ["drain"], ["drain", "worker"], ["cancel"], ["cancel", "job"], ["cancel", "task"],
    ["requeue"], ["submit"], ["list", "rejects"], ["control"], ["control", "set"],
  ]

  @Test(arguments: commands)
  func everyCommandHasHelp(_ command: [String]) async {
    let result = await CommandHarness().run(command + ["--help"])
    #expect(result.exitCode == 0, "\(result.error)")
    #expect(result.output.contains("USAGE: quarry"))
  }

  @Test func listsEveryBuiltCommandAndNoOther() async {
    let result = await CommandHarness().run("--help")
    for command in [
      "run", "coordinator", "worker", "list", "inspect", "stats", "cat", "artifact", "lode", "adapter", "config",
      "debug", "pause", "resume", "drain", "cancel", "requeue", "control", "submit",
      "version",
    ] {
      #expect(result.output.contains("\n  \(command) "))
    }
  }

  @Test(arguments: commands)
  func everyFlagIsInTheContract(_ command: [String]) async throws {
    let contract = try String(contentsOfFile: BuiltProducts.root + "/docs/contracts/CONTRACT_CLI.md", encoding: .utf8)
    let documented = Set(contract.split { !($0.isLetter || $0.isNumber || $0 == "-") }.map(String.init))
    let help = await CommandHarness().run(command + ["--help"]).output
    let offered = help.split(separator: "\n").filter { $0.hasPrefix("  --") }.compactMap {
      $0.split { $0 == " " || $0 == "," }.first
    }
    for flag in offered { #expect(documented.contains(String(flag)), "\(command): \(flag) is not in CONTRACT_CLI.md") }
  }
}
