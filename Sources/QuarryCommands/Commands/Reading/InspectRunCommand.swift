import ArgumentParser
import QuarryCore
import QuarryLode

struct InspectRunCommand: DocumentCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Shows one run: state, counts, artifacts, files, and the runs it derived.")

  @Argument(help: ArgumentHelp("The run's id.", valueName: "id"))
  var id: String
  @OptionGroup var dataset: DatasetOptions
  @OptionGroup var output: OutputOptions

  func document(in context: CommandContext) async throws -> Output {
    let reader = try dataset.reader(in: context)
    guard let run = try reader.run(id) else {
      throw NotFound(
        "no run '\(id)' in \(reader.layout.folder)",
        remedy: "`quarry list runs\(try dataset.flags(in: context))` shows those there are")
    }
    for warning in run.warnings { context.console.warn(warning) }
    return .run(run, children: try Lineage.below(run.summary, reader: reader))
  }
}
