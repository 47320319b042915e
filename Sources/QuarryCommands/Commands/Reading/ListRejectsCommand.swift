import QuarryCore
import QuarryFleet

struct ListRejectsCommand: WatchableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rejects", abstract: "Lists what was submitted to a live fleet and could be no job, the newest first.")

  @Option("limit", help: ArgumentHelp("At most so many. Default: 100.", valueName: "n"), transform: Reading.positive)
  var limit: Int?
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions

  func document(in context: CommandContext) async throws -> Output {
    let address = try fleet.address(in: context)
    let rejects = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
      try await queue.rejects(limit: limit ?? 100)
    }
    return .list(
      rejects.map { reject in
        .record([("at", .time(reject.at)), ("reason", .string(reject.reason)), ("line", .string(reject.line))])
      })
  }
}
