import ArgumentParser
import QuarryCore

/// What is asked of the arguments before the parser sees them: is the command one there is, or one that is known
/// and not built; is a flag known and not built, or given twice. The parser's own complaints get their form here too.
enum UsageCheck {
  /// - Throws: `QuarryError(.usage)`.
  static func check(_ arguments: [String]) throws(QuarryError) {
    let command = try command(arguments)
    for argument in arguments.prefix(while: { $0 != "--" }) where argument.hasPrefix("--") {
      let flag = String(argument.prefix { $0 != "=" })
      if let feature = Unbuilt.flags[flag] { throw Unbuilt.refusal(of: feature, asked: "'\(flag)'") }
      if flag == ViewOptions.flag, command is any ExecutableCommand.Type, !(command is any ViewableCommand.Type) {
        throw refusalOfView(by: command)
      }
    }
    try RepeatedFlags.check(arguments, of: command)
  }

  private static func refusalOfView(by command: any ParsableCommand.Type) -> QuarryError {
    let words = (path(to: command, below: RootCommand.self) ?? [command._commandName]).joined(separator: " ")
    return QuarryError(
      .usage, "`\(words)` has no \(ViewOptions.flag); `quarry inspect` and `quarry stats` have",
      remedy: "leave it out; --format table prints a table")
  }

  /// The command that the arguments name, as far as they name one.
  private static func command(_ arguments: [String]) throws(QuarryError) -> any ParsableCommand.Type {
    var command: any ParsableCommand.Type = RootCommand.self
    var path: [String] = []
    // `quarry help list` asks about the command that follows.
    for word in arguments.first == "help" ? arguments.dropFirst() : arguments[...] {
      let children = command.configuration.subcommands
      guard !children.isEmpty, !word.hasPrefix("-"), word != "help" else { return command }
      path.append(word)
      guard let child = children.first(where: { $0._commandName == word }) else {
        throw unknownCommand(path, among: children.map { $0._commandName })
      }
      command = child
    }
    return command
  }

  private static func unknownCommand(_ path: [String], among names: [String]) -> QuarryError {
    let asked = path.joined(separator: " ")
    if let feature = Unbuilt.commands[asked] { return Unbuilt.refusal(of: feature, asked: "`quarry \(asked)`") }
    let parent = path.dropLast().joined(separator: " ")
    let help = "`quarry \(parent.isEmpty ? "" : parent + " ")--help` lists the commands"
    let remedy = Nearest.to(path[path.count - 1], among: names).map { nearest in
      "did you mean `quarry \((path.dropLast() + [nearest]).joined(separator: " "))`? \(help)"
    }
    return QuarryError(.usage, "unknown command `quarry \(asked)`", remedy: remedy ?? help)
  }

  /// A group of commands, named alone.
  static func missingSubcommand(of command: any ParsableCommand.Type) -> QuarryError {
    let names = command.configuration.subcommands.map { $0._commandName }.joined(separator: ", ")
    let path = (Self.path(to: command, below: RootCommand.self) ?? [command._commandName]).joined(separator: " ")
    return QuarryError(.usage, "`\(path)` needs one of: \(names)", remedy: "`\(path) --help` says what each does")
  }

  /// The words that name a command, the program's own first.
  static func path(to command: any ParsableCommand.Type, below start: any ParsableCommand.Type) -> [String]? {
    if start == command { return [start._commandName] }
    let rest = start.configuration.subcommands.lazy.compactMap { path(to: command, below: $0) }.first
    return rest.map { [start._commandName] + $0 }
  }

  /// The parser's message as ours: the complaint on one line, the proposal on the next.
  static func usageError(_ message: String) -> QuarryError {
    let text = message.hasPrefix("Error: ") ? String(message.dropFirst(7)) : message
    var complaint = Substring(text)
    var remedy = "`--help` after the command lists its flags"
    if let question = text.firstRange(of: ". Did you mean") {
      complaint = text[..<question.lowerBound]
      remedy = "did you mean" + text[question.upperBound...] + " " + remedy
    }
    return QuarryError(.usage, complaint.prefix(1).lowercased() + complaint.dropFirst(), remedy: remedy)
  }
}
