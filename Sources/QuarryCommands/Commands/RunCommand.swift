import ArgumentParser
import QuarryCore

struct RunCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Runs one script, and with --depth what it enqueues.")

  @Option(help: ArgumentHelp("The script, TypeScript or JavaScript.", valueName: "file"))
  var script: String
  @OptionGroup var policy: PolicyOptions
  @OptionGroup var job: JobOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    _ = try PolicyChoice(policy, configuration: .init())
    return 0
  }
}
