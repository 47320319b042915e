import QuarryCore

/// The command that the first words of a line name, and the groups it is in.
struct CommandPath {
  /// From the program's own on.
  private(set) var commands: [any ParsableCommand.Type]
  /// What comes after the names.
  private(set) var rest: ArraySlice<String>
  /// Whether the line asks for help, in place of doing something.
  private(set) var asksForHelp: Bool
  /// For the version alone.
  let asksForVersion: Bool

  /// What every command understands.
  static let everywhere = [
    (names: "--version", help: "Show the version."), (names: "-h, --help", help: "Show help information."),
  ]

  /// Follows the words as far as they name commands below `root`.
  /// - Throws: `QuarryError(.usage)` for a word that names none.
  init(_ arguments: [String], below root: any ParsableCommand.Type) throws(QuarryError) {
    commands = [root]
    rest = arguments[...]
    let flags = arguments.prefix { $0 != "--" }
    asksForHelp = flags.contains("--help") || flags.contains("-h")
    asksForVersion = flags.contains("--version")
    while !command.configuration.subcommands.isEmpty, let word = rest.first, !word.hasPrefix("-") {
      if word == "help" {
        asksForHelp = true
      } else if let child = command.configuration.subcommands.first(where: { $0.configuration.commandName == word }) {
        commands.append(child)
      } else {
        throw UsageCheck.unknownCommand(word, below: self)
      }
      rest = rest.dropFirst()
    }
  }

  var command: any ParsableCommand.Type { commands[commands.count - 1] }

  /// What the command declares.
  var entries: [Declarations.Entry] {
    let declarations = Declarations()
    _ = declarations.collect { command.init() }
    return declarations.entries
  }

  /// `quarry list runs`.
  var name: String { commands.map { $0.configuration.commandName }.joined(separator: " ") }

  /// As `name`, of a command somewhere below another.
  static func name(of command: any ParsableCommand.Type, below start: any ParsableCommand.Type) -> String? {
    let own = start.configuration.commandName
    if start == command { return own }
    let rest = start.configuration.subcommands.lazy.compactMap { name(of: command, below: $0) }.first
    return rest.map { "\(own) \($0)" }
  }
}
