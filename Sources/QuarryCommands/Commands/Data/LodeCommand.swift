struct LodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lode", abstract: "Checks a dataset, and tidies it up.",
    subcommands: [LodeVerifyCommand.self, LodeGCCommand.self, LodeIndexCommand.self])
}
