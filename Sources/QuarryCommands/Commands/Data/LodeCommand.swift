struct LodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lode", abstract: "Checks a dataset, mends it and tidies it up.",
    subcommands: [LodeVerifyCommand.self, LodeRepairCommand.self, LodeGCCommand.self, LodeIndexCommand.self])
}
