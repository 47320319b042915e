import ArgumentParser
import QuarryCore
import QuarryFleet

struct ListWorkersCommand: DocumentCommand {
  static let configuration = CommandConfiguration(
    commandName: "workers", abstract: "Lists the workers of a live fleet, last seen first.")

  @Option(help: ArgumentHelp("At most so many. Default: 100.", valueName: "n"), transform: Reading.positive)
  var limit: Int?
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions

  func document(in context: CommandContext) async throws -> Output {
    let configuration = try ConfigurationLoader.load(fleet.config, in: context)
    let address = try FleetAddress(fleet, configuration: configuration.fleet)
    let workers = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
      try await queue.workers(limit: limit ?? 100)
    }
    return .list(workers.map(Output.workerRow))
  }
}
