import ArgumentParser
import QuarryCore

struct ListPoolsCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pools", abstract: "Lists the pools of proxies that the configuration defines.")

  @Option(help: ArgumentHelp("The configuration that defines them, as YAML.", valueName: "file"))
  var config: String?
  @OptionGroup var file: ProxyFileOptions
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let configuration = try ConfigurationLoader.load(config, in: context)
    let pools = try ProxySettings.pools(file, configuration, context, context.console)
    try output.render(.list(pools.map(Output.poolRow)), in: context)
    return 0
  }
}
