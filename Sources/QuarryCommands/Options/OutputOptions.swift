import ArgumentParser
import QuarryCore

/// `--format` and `--no-color`, for every command that prints data.
struct OutputOptions: ParsableArguments {
  @Option(help: ArgumentHelp("json, table or yaml. Default: table on a terminal, JSON otherwise.", valueName: "format"))
  var format: OutputFormat?

  @Flag(help: "No colours in tables. NO_COLOR in the environment does the same.")
  var noColor = false

  func render(_ output: Output, in context: CommandContext) throws {
    let console = context.console
    switch format ?? (console.isOutputTerminal ? .table : .json) {
    case .json: console.printOut(JSONRendering.text(of: output))
    case .yaml: console.printOut(try YAMLRendering.text(of: output))
    case .table:
      let noColorWanted = noColor || context.environment["NO_COLOR"].map { !$0.isEmpty } ?? false
      console.printOut(TableRendering(isColored: console.isOutputTerminal && !noColorWanted).text(of: output))
    }
  }
}

enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
  case json, table, yaml
}
