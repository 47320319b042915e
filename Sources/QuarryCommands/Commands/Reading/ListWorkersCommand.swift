import QuarryCore
import QuarryFleet

struct ListWorkersCommand: WatchableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workers", abstract: "Lists the workers of a live fleet, last seen first.")

  @Option("state", help: ArgumentHelp("Only workers that are up or lost.", valueName: "state"))
  var state: WorkerStateFlag?
  @Option("limit", help: ArgumentHelp("At most so many. Default: 100.", valueName: "n"), transform: Reading.positive)
  var limit: Int?
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions

  func document(in context: CommandContext) async throws -> Output {
    let address = try fleet.address(in: context)
    let (workers, view) = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
      (try await queue.workers(limit: state == nil ? limit ?? 100 : 500), try await queue.fleetView())
    }
    LiveFleet.tellHealth(view, in: context)
    let wanted = workers.filter { worker in state.map { ($0 == .up) == worker.isUp } ?? true }
    return .list(wanted.prefix(limit ?? 100).map(Output.workerRow))
  }
}

enum WorkerStateFlag: String, CaseIterable {
  case up, lost
}
