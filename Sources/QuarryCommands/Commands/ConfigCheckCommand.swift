import QuarryCore

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Checks configuration files.", subcommands: [ConfigCheckCommand.self])
}

struct ConfigCheckCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Prints what a configuration file comes to, without secrets, and where each value comes from.",
    discussion: "A file that a command without flags would refuse is refused here, with exit code 2.")

  @Argument(help: ArgumentHelp("The file, as --config of other commands takes it.", valueName: "file"))
  var file: String
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let report = try ConfigurationReport(of: file, in: context)
    try output.render(.list(report.rows.map(Self.row)), in: context)
    return 0
  }

  private static func row(_ row: ConfigurationReport.Row) -> Output {
    .record([
      Output.Field(name: "key", value: .value(.string(row.key))),
      Output.Field(name: "value", value: .value(row.value)),
      Output.Field(name: "from", value: .value(.string(row.origin.rawValue))),
      Output.Field(name: "line", value: .value(row.line.map { .integer(Int64($0)) } ?? .null)),
      Output.Field(name: "variables", value: .list(row.variables.map { .value(.string($0)) })),
    ])
  }
}
