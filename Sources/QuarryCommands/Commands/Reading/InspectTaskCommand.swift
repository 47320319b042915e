import ArgumentParser
import QuarryCore
import QuarryFleet

struct InspectTaskCommand: DocumentCommand {
  static let configuration = CommandConfiguration(
    commandName: "task",
    abstract: "Shows one task and why it waits: live with --fleet or --redis, else what the ledger has of it.")

  @Argument(help: ArgumentHelp("The task's id.", valueName: "id"))
  var id: String
  @OptionGroup var place: FleetOrDatasetOptions
  @OptionGroup var output: OutputOptions

  func document(in context: CommandContext) async throws -> Output {
    switch try place.source(in: context) {
    case .live(let address):
      let task = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in try await queue.task(id) }
      guard let task else {
        throw NotFound(
          "no task '\(id)' in fleet '\(address.name)'",
          remedy: "`quarry list tasks` shows those there are; older ones are in the dataset: --storage-path DIR alone")
      }
      return .task(task)
    case .dataset(let reader, let dataset):
      let tasks = try LedgerTasks.read(reader, dataset.ledger, jobID: nil)
      guard let task = tasks.first(where: { $0.taskID == id }) else {
        throw NotFound(
          "no task '\(id)' in the ledger of this dataset",
          remedy: "a task that has not ended is only in its fleet: add --fleet NAME or --redis URL")
      }
      return .taskRow(task)
    }
  }
}
