import QuarryCore
import QuarryFleet

struct InspectWorkerCommand: ViewableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker",
    abstract: "Shows one worker of a live fleet, the tasks it holds, and the jobs it is not given.")

  @Argument(help: ArgumentHelp("The worker's id.", valueName: "id"))
  var id: String
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions
  @OptionGroup var view: ViewOptions

  func document(in context: CommandContext) async throws -> Output {
    let address = try fleet.address(in: context)
    let (found, known) = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
      let found = try await queue.worker(id)
      return (found, found == nil ? try await queue.workers().map(\.workerID) : [])
    }
    guard let found else {
      throw NotFound.unknown(
        "worker", id, "in fleet '\(address.name)'", among: known, list: "quarry list workers\(address.flags)")
    }
    return .worker(found)
  }
}
