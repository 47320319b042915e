import ArgumentParser
import QuarryCore
import QuarryLode

struct ListRunsCommand: DocumentCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs", abstract: "Lists the runs of a dataset, newest first.")

  @Option(help: ArgumentHelp("Only runs that are running, failed or succeeded.", valueName: "state"))
  var state: RunStateFlag?
  @Option(help: ArgumentHelp("At most so many. Default: 100.", valueName: "n"), transform: Reading.positive)
  var limit: Int?
  @Option(help: ArgumentHelp("Only runs of this job.", valueName: "id"))
  var job: String?
  @Flag(help: "Only runs that a fleet's ledger says to count: one for each task that is done.")
  var accepted = false
  @OptionGroup var dataset: DatasetOptions
  @OptionGroup var output: OutputOptions

  func document(in context: CommandContext) async throws -> Output {
    let reader = try dataset.reader(in: context)
    let filter = RunFilter(state: state?.value, jobID: job, isAcceptedOnly: accepted)
    let listing = try reader.runs(filter, limit: limit ?? 100)
    for warning in listing.warnings { context.console.warn(warning) }
    return .list(listing.rows.map(Output.runRow))
  }
}

enum RunStateFlag: String, CaseIterable, ExpressibleByArgument {
  case running, failed, succeeded

  var value: RunState {
    switch self {
    case .running: .running
    case .failed: .failed
    case .succeeded: .succeeded
    }
  }
}
