import ArgumentParser
import QuarryCore
import QuarryLode

struct ListJobsCommand: DocumentCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "Lists jobs: live with --fleet or --redis, else those of the dataset.")

  @Option(help: ArgumentHelp("At most so many. Default: 100.", valueName: "n"), transform: Reading.positive)
  var limit: Int?
  @OptionGroup var place: FleetOrDatasetOptions
  @OptionGroup var output: OutputOptions

  func document(in context: CommandContext) async throws -> Output {
    let limit = limit ?? 100
    let rows: [Output]
    switch try place.source(in: context) {
    case .live(let address):
      let jobs = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
        try await queue.jobs(limit: limit)
      }
      rows = jobs.map(Output.jobRow)
    case .dataset(let reader, _):
      let listing = try reader.jobs(limit: limit)
      for warning in listing.warnings { context.console.warn(warning) }
      rows = listing.rows.map(Output.jobRow)
    }
    return .list(rows)
  }
}
