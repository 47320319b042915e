import ArgumentParser
import QuarryCore
import QuarryLode

struct InspectJobCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "job", abstract: "Shows one job: its state and its runs as a tree.")

  @Argument(help: ArgumentHelp("The job's id.", valueName: "id"))
  var id: String
  @OptionGroup var dataset: DatasetOptions
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let reader = try dataset.reader(in: context)
    guard let job = try reader.job(id) else {
      throw NotFound("no job '\(id)' in this dataset", remedy: "`quarry list jobs` shows those there are")
    }
    try output.render(.job(job), in: context)
    return 0
  }
}
