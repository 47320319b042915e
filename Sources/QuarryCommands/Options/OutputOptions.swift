import QuarryCore

/// `--format` and `--no-color`, for every command that prints data.
struct OutputOptions: ParsableArguments {
  @Option(
    "format",
    help: ArgumentHelp("json, table or yaml. Default: table on a terminal, JSON otherwise.", valueName: "format"))
  var format: OutputFormat?

  @Flag("no-color", help: "No colours in tables. NO_COLOR in the environment does the same.")
  var noColor = false

  func render(_ output: Output, in context: CommandContext) throws {
    try format(in: context).print(output, noColor: noColor, in: context)
  }

  /// One of several answers in a row.
  func renderOne(_ output: Output, in context: CommandContext) throws {
    try format(in: context).printOne(output, noColor: noColor, in: context)
  }

  func format(in context: CommandContext) -> OutputFormat {
    format ?? (context.console.isOutputTerminal ? .table : .json)
  }

  /// On a terminal.
  func isColored(in context: CommandContext) -> Bool { !noColor && !context.isColorRefused }
}

/// `--format` for a command that prints data only when it is asked to.
struct RunOutputOptions: ParsableArguments {
  @Option(
    "format", help: ArgumentHelp("Print a summary on stdout: json, table or yaml. Default: none.", valueName: "format"))
  var format: OutputFormat?

  func render(_ output: Output, in context: CommandContext) throws {
    try format?.print(output, noColor: false, in: context)
  }
}

package enum OutputFormat: String, CaseIterable, Sendable {
  case json, table, yaml

  /// As it is printed.
  func lines(_ output: Output) throws -> [StyledLine] {
    switch self {
    case .table: TableRendering.lines(of: output)
    case .json: Self.lines(JSONRendering.text(of: output))
    case .yaml: Self.lines(try YAMLRendering.text(of: output))
    }
  }

  private static func lines(_ text: String) -> [StyledLine] {
    text.split(separator: "\n").map { StyledLine(plain: String($0)) }
  }

  /// One of several answers in a row: a line of JSON, a YAML document, a table with an empty line after it.
  func printOne(_ output: Output, noColor: Bool, in context: CommandContext) throws {
    let console = context.console
    switch self {
    case .json: console.printOut(JSONRendering.line(of: output) + "\n")
    case .yaml: console.printOut("---\n" + (try YAMLRendering.text(of: output)))
    case .table:
      try print(output, noColor: noColor, in: context)
      console.printOut("\n")
    }
  }

  func print(_ output: Output, noColor: Bool, in context: CommandContext) throws {
    let console = context.console
    switch self {
    case .json: console.printOut(JSONRendering.text(of: output))
    case .yaml: console.printOut(try YAMLRendering.text(of: output))
    case .table:
      let isColored = console.isOutputTerminal && !noColor && !context.isColorRefused
      console.printOut(TableRendering(isColored: isColored).text(of: output))
    }
  }
}

extension CommandContext {
  /// `NO_COLOR` says so, whatever it holds, or the terminal knows none.
  fileprivate var isColorRefused: Bool {
    environment["NO_COLOR"].map { !$0.isEmpty } ?? false || environment["TERM"] == "dumb"
  }
}
