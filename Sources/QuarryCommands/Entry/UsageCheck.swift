import QuarryCore

/// What is asked of a command line before its command begins: is the command one there is, and does it do something.
enum UsageCheck {
  /// - Returns: the command with what the line gives it.
  /// - Throws: `QuarryError(.usage)`.
  static func command(_ path: CommandPath) throws(QuarryError) -> any ExecutableCommand {
    for word in path.rest.prefix(while: { $0 != "--" }) where word.hasPrefix("--") {
      let flag = String(word.prefix { $0 != "=" })
      if flag == ViewOptions.flag, !(path.command is any ViewableCommand.Type) { throw refusalOfView(by: path) }
    }
    let command = try ArgumentReader.read(path.command, path.rest)
    guard let command = command as? any ExecutableCommand else { throw missingSubcommand(of: path) }
    return command
  }

  private static func refusalOfView(by path: CommandPath) -> QuarryError {
    QuarryError(
      .usage, "`\(path.name)` has no \(ViewOptions.flag); `quarry inspect` and `quarry stats` have",
      remedy: "leave it out; --format table prints a table")
  }

  static func unknownCommand(_ word: String, below path: CommandPath) -> QuarryError {
    let words = path.commands.dropFirst().map { $0.configuration.commandName } + [Redaction.word(word)]
    let asked = words.joined(separator: " ")
    let help = "`\(path.name) --help` lists the commands"
    let names = path.command.configuration.subcommands.map { $0.configuration.commandName }
    let remedy = Nearest.to(word, among: names).map { "did you mean `\(path.name) \($0)`? \(help)" }
    return QuarryError(.usage, "unknown command `quarry \(asked)`", remedy: remedy ?? help)
  }

  /// A group of commands, named alone.
  private static func missingSubcommand(of path: CommandPath) -> QuarryError {
    let names = path.command.configuration.subcommands.map { $0.configuration.commandName }.joined(separator: ", ")
    return QuarryError(
      .usage, "`\(path.name)` needs one of: \(names)", remedy: "`\(path.name) --help` says what each does")
  }
}
