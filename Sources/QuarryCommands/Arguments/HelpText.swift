/// What `--help` prints of a command.
struct HelpText {
  /// Where the descriptions of flags begin.
  private static let indent = 26
  /// A usage line with more than so many flags names none of them.
  private static let usageLimit = 12

  private let path: CommandPath
  private let width: Int
  private let entries: [Declarations.Entry]

  /// - Parameter width: of the screen, in columns.
  static func of(_ path: CommandPath, width: Int) -> String {
    HelpText(path: path, width: max(width, indent * 2), entries: path.entries).text
  }

  private var text: String {
    let configuration = path.command.configuration
    let overview = [configuration.abstract, configuration.discussion].compactMap(\.self).joined(separator: "\n\n")
    let head = "\(wrap("OVERVIEW: \(overview)", to: width))\n\nUSAGE: \(usage)\n\n"
    return head + sections.map { "\($0.title.uppercased()):\n\($0.rows.joined())" }.joined(separator: "\n") + seeAlso
  }

  private var usage: String {
    var words = [path.name]
    if entries.count > Self.usageLimit {
      let arguments = entries.map(\.declaration).filter { $0.kind == .argument }
      words += arguments.isEmpty ? ["<options>"] : ["[<options>]"] + arguments.map(\.help.placeholder)
    } else {
      words += entries.map { synopsis($0.declaration) }
    }
    if !path.command.configuration.subcommands.isEmpty { words.append("<subcommand>") }
    return words.joined(separator: " ")
  }

  private func synopsis(_ declaration: Declaration) -> String {
    let name = declaration.names.first { $0.hasPrefix("--") } ?? ""
    switch declaration.kind {
    case .argument: return declaration.help.placeholder
    case .flag: return "[\(name)]"
    case .option: return "[\(name) \(declaration.help.placeholder)\(declaration.isRepeatable ? " ..." : "")]"
    }
  }

  private typealias Section = (title: String, rows: [String])

  /// Arguments, the groups with a title of their own, the other flags, and the commands below this one.
  private var sections: [Section] {
    var titled: [Section] = []
    for case let (title?, declaration) in entries.map({ ($0.title, $0.declaration) }) {
      let index = titled.firstIndex { $0.title == title } ?? titled.endIndex
      if index == titled.endIndex { titled.append((title, [])) }
      titled[index].rows.append(row(declaration))
    }
    let others = entries.filter { $0.title == nil }.map(\.declaration)
    let arguments = others.filter { $0.kind == .argument }.map(row)
    let flags = others.filter { $0.kind != .argument }.map(row) + CommandPath.everywhere.map { row($0.names, $0.help) }
    let commands = path.command.configuration.subcommands.map {
      row($0.configuration.commandName, $0.configuration.abstract)
    }
    return ([("Arguments", arguments)] + titled + [("Options", flags), ("Subcommands", commands)]).filter {
      !$0.rows.isEmpty
    }
  }

  private func row(_ declaration: Declaration) -> String {
    let names = declaration.names.joined(separator: ", ")
    let choices = declaration.choices.isEmpty ? "" : " (values: \(declaration.choices.joined(separator: ", ")))"
    let label =
      switch declaration.kind {
      case .argument: declaration.help.placeholder
      case .flag: names
      case .option: "\(names) \(declaration.help.placeholder)"
      }
    return row(label, declaration.help.text + choices)
  }

  private func row(_ label: String, _ text: String) -> String {
    let label = "  " + label
    let lines = wrap(text, to: width - Self.indent).split(separator: "\n").joined(
      separator: "\n" + String(repeating: " ", count: Self.indent))
    let fits = label.count < Self.indent
    return label + (fits ? "" : "\n") + String(repeating: " ", count: Self.indent - (fits ? label.count : 0)) + lines
      + "\n"
  }

  private var seeAlso: String {
    guard !path.command.configuration.subcommands.isEmpty else { return "" }
    let words = path.name.split(separator: " ")
    return
      "\n  See '\(([words[0], "help"] + words.dropFirst()).joined(separator: " ")) <subcommand>' for detailed help.\n"
  }
}

/// Breaks a text at spaces, so that its lines have at most so many columns unless a word alone has more.
private func wrap(_ text: String, to columns: Int) -> String {
  text.split(separator: "\n", omittingEmptySubsequences: false).map { paragraph in
    var lines: [Substring] = []
    var rest = paragraph
    while rest.count > columns {
      guard let space = rest.prefix(columns).lastIndex(of: " ") ?? rest.firstIndex(of: " ") else { break }
      lines.append(rest[..<space])
      rest = rest[rest.index(after: space)...]
    }
    return (lines + [rest]).joined(separator: "\n")
  }.joined(separator: "\n")
}
