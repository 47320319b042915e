import ArgumentParser
import QuarryCore
import QuarryLode

struct InspectJobCommand: DocumentCommand {
  static let configuration = CommandConfiguration(
    commandName: "job", abstract: "Shows one job: its state and its runs as a tree.")

  @Argument(help: ArgumentHelp("The job's id.", valueName: "id"))
  var id: String
  @OptionGroup var dataset: DatasetOptions
  @OptionGroup var output: OutputOptions

  func document(in context: CommandContext) async throws -> Output {
    let reader = try dataset.reader(in: context)
    guard let job = try reader.job(id) else {
      throw NotFound(
        "no job '\(id)' in \(reader.layout.folder)",
        remedy: "`quarry list jobs\(try dataset.flags(in: context))` shows those there are")
    }
    return .job(job)
  }
}
