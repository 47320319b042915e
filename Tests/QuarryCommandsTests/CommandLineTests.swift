import Foundation
import QuarryCommands
import QuarryCore
import TestSupport
import Testing

/// How words become flags, values and arguments, and what is said of those that do not.
@Suite struct CommandLineTests {
  private func expectRefusal(_ arguments: [String], _ message: String, _ remedy: String = "lists its flags") async {
    let result = await CommandHarness().run(arguments)
    #expect(result.exitCode == 2, "\(arguments)")
    #expect(result.error.contains("quarry: \(message)\n"), "\(arguments): \(result.error)")
    #expect(result.error.contains(remedy), "\(arguments): \(result.error)")
  }

  @Test func aValueIsTheNextWordOrAfterAnEqualsSign() async {
    let next = await CommandHarness().run("version", "--format", "yaml")
    let attached = await CommandHarness().run("version", "--format=yaml")
    #expect(next.output.hasPrefix("version: ") && next.output == attached.output)
    await expectRefusal(["run", "--script=/a=b", "--quiet"], "script /a=b: No such file or directory", "looked for it")
  }

  @Test func aMissingValueIsNamed() async {
    await expectRefusal(["run", "--script"], "missing value for '--script <file>'")
    await expectRefusal(["run", "--script", "--quiet"], "missing value for '--script <file>'")
    await expectRefusal(
      ["run", "--script="],
      "the value '' is invalid for '--script <file>': it is empty; a variable that it is made of may not be set")
    await expectRefusal(["artifact", "get", "r", "n", "-o"], "missing value for '-o <file>'")
    await expectRefusal(["run", "--attempt", "-x"], "missing value for '--attempt <n>'")
    await expectRefusal(
      ["run", "--attempt", "-1"], "the value '-1' is invalid for '--attempt <n>': not a whole number of at least 1")
  }

  @Test func aValueThatIsNoneIsNamed() async {
    await expectRefusal(
      ["version", "--format", "xml"],
      "the value 'xml' is invalid for '--format <format>': not one of json, table, yaml")
    await expectRefusal(
      ["run", "--attempt=-1"],
      "the value '-1' is invalid for '--attempt <n>': not a whole number of at least 1")
    await expectRefusal(
      ["run", "--event-sink-max-len", "many"], "the value 'many' is invalid for '--event-sink-max-len <n>'")
    await expectRefusal(["run", "--quiet=1"], "'--quiet' does not take any value, but '1' was given")
  }

  @Test func someOptionsTakeWhatLooksLikeAFlag() async {
    await expectRefusal(
      ["run", "--event-sink-max-len", "-1", "--event-sink-redis-ttl", "-1", "--script", "/nonexistent/x"],
      "script /nonexistent/x: No such file or directory", "looked for it")
  }

  @Test func argumentsHaveTheirPlaces() async {
    await expectRefusal(["inspect", "run"], "missing expected argument '<id>'")
    await expectRefusal(["artifact", "get", "r", "--force"], "missing expected argument '<name>'")
    await expectRefusal(["inspect", "run", "a", "b"], "unexpected argument 'b'")
    await expectRefusal(["inspect", "run", "a", "--", "--b", "c"], "2 unexpected arguments: '--b', 'c'")
    await expectRefusal(["run", "-"], "unexpected argument '-'")
  }

  @Test func unknownFlagsAreNamedAsTheyAreTyped() async {
    await expectRefusal(["run", "-x"], "unknown option '-x'")
    await expectRefusal(["run", "--scirpt=a.ts"], "unknown option '--scirpt'", "did you mean '--script'?")
    await expectRefusal(["run", "-script", "a.ts"], "unknown option '-script'", "did you mean '--script'?")
    await expectRefusal(["--bogus"], "unknown option '--bogus'")
    await expectRefusal(["run", "-help"], "unknown option '-help'", "did you mean '--help'?")
    await expectRefusal(["list", "--format", "json", "runs"], "unknown option '--format'")
  }

  @Test func helpAndVersionAreAnsweredWhateverElseIsThere() async {
    for arguments in [
      ["run", "--bogus", "--help"], ["-h", "run"], ["run", "--script", "-h"], ["help", "run", "--bogus"],
      ["list", "help"], ["list", "help", "runs"], ["help", "help"],
    ] {
      let result = await CommandHarness().run(arguments)
      #expect(result.exitCode == 0 && result.output.hasPrefix("OVERVIEW: "), "\(arguments): \(result.error)")
    }
    for arguments in [["--version"], ["run", "--version"], ["list", "--version"]] {
      let result = await CommandHarness().run(arguments)
      #expect(result.exitCode == 0 && result.output == Version.current + "\n", "\(arguments): \(result.error)")
    }
    await expectRefusal(["inspect", "run", "a", "--", "--help"], "unexpected argument '--help'")
    let runs = await CommandHarness().run("list", "help", "runs")
    #expect(runs.output.contains("\nUSAGE: quarry list runs "))
  }

  /// An address with a password, wherever it was not wanted.
  @Test(arguments: [
    ["list", "runs", "--fleet", "a", "redis://u:secret@h"], ["list", "runs", "redis://u:secret@h:1", "u:secret@h"],
    ["redis://u:secret@h"], ["list", "https://secret@h"], ["run", "--quiet=redis://u:secret@h"],
    ["version", "--format", "redis://:secret@h/0"], ["list", "runs", "--since", "u:secret@h"],
    ["run", "--redis://u:secret@h"], ["cat", "--field=.redis://u:secret@h"],
  ])
  func complaintsRepeatNoSecret(_ arguments: [String]) async {
    let result = await CommandHarness().run(arguments)
    #expect(result.exitCode == 2 && result.error.contains("***@h"), "\(result.error)")
    #expect(!(result.error + result.output).contains("secret"), "\(result.error)")
  }

  @Test func helpNamesEachKindOfFlag() async {
    let help = await CommandHarness().run("artifact", "get", "--help").output
    #expect(help.contains("\nUSAGE: quarry artifact get <run> <name> [--output <file>] [--force] "))
    #expect(help.contains("\nARGUMENTS:\n  <run>                   The run's id.\n"))
    #expect(help.contains("\nWHERE IT IS:\n  --storage-path <place>"))
    #expect(
      help.contains(
        """

        OPTIONS:
          -o, --output <file>     The file to write, - for stdout. Default: the
                                  artifact's own name, in the working directory.
        """))
    #expect(help.hasSuffix("\n  -h, --help              Show help information.\n"))
    let group = await CommandHarness().run("debug", "--help").output
    #expect(group.contains("\nUSAGE: quarry debug <subcommand>\n"))
    #expect(group.hasSuffix("\n  See 'quarry help debug <subcommand>' for detailed help.\n"))
  }
}

/// What shells propose.
@Suite struct CompletionTests {
  private func proposals(_ words: String...) async -> [String] {
    let result = await CommandHarness().run(["--complete"] + words)
    #expect(result.exitCode == 0)
    return result.output.split(separator: "\n").compactMap { $0.split(separator: "\t").first.map(String.init) }
  }

  @Test func commandsFlagsAndValues() async {
    #expect(await proposals("co") == ["coordinator", "control", "config"])
    #expect(await proposals("list", "run") == ["runs"])
    #expect(await proposals("list", "runs", "--storage-p") == ["--storage-path"])
    #expect(await proposals("list", "runs", "--format", "") == ["json", "table", "yaml"])
    #expect(await proposals("run", "--script", "").isEmpty)
    #expect(await proposals("nosuch", "").isEmpty)
    #expect(await proposals("version", "-").contains("--help"))
  }

  @Test func bashAsksTheProgram() async throws {
    let script = await CommandHarness().run("--generate-completion-script", "bash").output
    let answer = try await runProcess(
      "/bin/bash",
      [
        "-c", "eval \"$1\"; COMP_WORDS=(\"$0\" list ru); COMP_CWORD=2; _quarry \"$0\"; echo \"${COMPREPLY[*]}\"",
        BuiltProducts.quarry, script,
      ])
    #expect(answer.standardOutput == "runs\n")
  }

  /// Answers as the shell's script finds them, its own way of showing them replaced.
  @Test(
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/zsh"), "zsh is not installed"))
  func zshAsksTheProgram() async throws {
    let script = await CommandHarness().run("--generate-completion-script", "zsh").output
    let answer = try await runProcess(
      "/usr/bin/zsh",
      [
        "-fc",
        """
        compdef() { :; }
        _describe() { print -rl -- "${(@P)2}"; }
        eval "$1"; words=("$2" list ru); CURRENT=3; _quarry
        """, "zsh", script, BuiltProducts.quarry,
      ])
    #expect(answer.standardOutput.hasPrefix("runs:Lists the runs"), "\(answer)")
  }

  @Test(
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/fish"), "fish is not installed"))
  func fishAsksTheProgram() async throws {
    let script = await CommandHarness().run("--generate-completion-script", "fish").output
    let answer = try await runProcess(
      "/usr/bin/fish",
      [
        "--no-config", "-c", "set -gx PATH $argv[2] $PATH; eval $argv[1]; complete -C 'quarry list ru'", script,
        BuiltProducts.directory,
      ])
    #expect(answer.standardOutput.hasPrefix("runs\tLists the runs"), "\(answer)")
  }

  @Test func anotherShellIsRefused() async {
    let result = await CommandHarness().run("--generate-completion-script", "csh")
    #expect(result.exitCode == 2 && result.error.contains("no completions for the shell 'csh'"))
  }
}
