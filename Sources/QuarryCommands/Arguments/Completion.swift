import QuarryCore

/// What a shell proposes while somebody types a command: its script asks the program itself, by `--complete` and the words
/// so far, of which the last is not finished.
enum Completion {
  private static let question = "--complete"
  private static let scriptFlag = "--generate-completion-script"

  /// - Returns: nil when the arguments do not ask for completions.
  /// - Throws: `QuarryError(.usage)` for a shell that there are none for.
  static func text(for arguments: [String], environment: [String: String]) throws(QuarryError) -> String? {
    switch arguments.first {
    case question: lines(arguments.dropFirst())
    case scriptFlag: try script(for: arguments.dropFirst().first, environment: environment)
    default: nil
    }
  }

  /// - Returns: a line for each word that may stand next, with what it means after a tab.
  private static func lines(_ words: ArraySlice<String>) -> String {
    let word = words.last ?? ""
    let before = Array(words.dropLast())
    // Nothing follows a word that names no command.
    guard let path = try? CommandPath(before, below: RootCommand.self) else { return "" }
    return proposals(path, after: before.last, isFlag: word.hasPrefix("-")).filter { $0.word.hasPrefix(word) }
      .map { "\($0.word)\t\($0.meaning)\n" }.joined()
  }

  private typealias Proposal = (word: String, meaning: String)

  private static func proposals(_ path: CommandPath, after last: String?, isFlag: Bool) -> [Proposal] {
    let declarations = path.entries.map(\.declaration)
    if let option = declarations.first(where: { $0.kind == .option && $0.names.contains(last ?? "") }) {
      return option.choices.map { ($0, "") }
    }
    guard isFlag else {
      return path.command.configuration.subcommands.map { ($0.configuration.commandName, $0.configuration.abstract) }
    }
    return declarations.flatMap { declaration in declaration.names.map { ($0, declaration.help.text) } }
      + CommandPath.everywhere.flatMap { flag in flag.names.split(separator: ", ").map { (String($0), flag.help) } }
  }

  /// - Parameter shell: nil for that of the user.
  private static func script(for shell: String?, environment: [String: String]) throws(QuarryError) -> String {
    let name = shell ?? (environment["SHELL"] ?? "").split(separator: "/").last.map(String.init) ?? ""
    if let script = scripts[name] { return script }
    throw QuarryError(
      .usage, "no completions for the shell '\(name)'", remedy: "name one: \(scriptFlag) bash, zsh or fish")
  }

  // Where nothing is proposed, shells propose files.
  private static let scripts = [
    "bash": """
    _quarry() {
      mapfile -t COMPREPLY < <("$1" \(question) "${COMP_WORDS[@]:1:COMP_CWORD}" | cut -f 1)
    }
    complete -o default -F _quarry quarry

    """,
    "zsh": """
    #compdef quarry
    _quarry() {
      local -a lines found
      local tab=$'\\t'
      lines=("${(@f)$("$words[1]" \(question) "${(@)words[2,CURRENT]}")}")
      found=("${(@)${(@)lines//:/\\\\:}/$tab/:}")
      if [[ -n $lines ]]; then _describe quarry found; else _files; fi
    }
    compdef _quarry quarry

    """,
    "fish": """
    complete -c quarry -a '(quarry \(question) (commandline -opc)[2..-1] (commandline -ct))'

    """,
  ]
}
