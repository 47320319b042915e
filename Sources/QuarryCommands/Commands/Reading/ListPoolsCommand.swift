import QuarryCore

struct ListPoolsCommand: DocumentCommand {
  static let configuration = CommandConfiguration(
    commandName: "pools", abstract: "Lists the pools of proxies that the configuration defines.")

  @Option("config", help: ArgumentHelp("The configuration that defines them, as YAML.", valueName: "file"))
  var config: String?
  @OptionGroup var file: ProxyFileOptions
  @OptionGroup var output: OutputOptions

  func document(in context: CommandContext) async throws -> Output {
    let configuration = try ConfigurationLoader.load(config, in: context)
    let pools = try ProxySettings.pools(file, configuration, context, context.console)
    return .list(pools.map(Output.poolRow))
  }
}
