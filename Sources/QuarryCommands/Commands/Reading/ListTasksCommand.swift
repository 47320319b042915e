import ArgumentParser
import QuarryCore
import QuarryFleet

struct ListTasksCommand: DocumentCommand {
  static let configuration = CommandConfiguration(
    commandName: "tasks",
    abstract: "Lists a fleet's tasks: live with --fleet or --redis, else what the ledger has of them.")

  @Option(
    help: ArgumentHelp("Only tasks that are ready, scheduled, leased, done, dead or cancelled.", valueName: "state"))
  var state: TaskStateFlag?
  @Option(help: ArgumentHelp("Only tasks of this job.", valueName: "id"))
  var job: String?
  @Option(help: ArgumentHelp("Only tasks of this host (live).", valueName: "name"))
  var host: String?
  @Option(help: ArgumentHelp("At most so many. Default: 100.", valueName: "n"), transform: Reading.positive)
  var limit: Int?
  @OptionGroup var place: FleetOrDatasetOptions
  @OptionGroup var output: OutputOptions

  func document(in context: CommandContext) async throws -> Output {
    let limit = limit ?? 100
    let rows: [Output]
    switch try place.source(in: context) {
    case .live(let address):
      let tasks = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
        try await queue.listTasks(jobID: job, state: state?.value, host: host, limit: limit)
      }
      rows = tasks.map(Output.taskRow)
    case .dataset(let reader, let dataset):
      let tasks = try LedgerTasks.read(reader, dataset.ledger, jobID: job)
      rows = tasks.filter { state == nil || $0.state == state?.rawValue }.prefix(limit).map(Output.taskRow)
    }
    return .list(rows)
  }
}

enum TaskStateFlag: String, CaseIterable, ExpressibleByArgument {
  case ready, scheduled, leased, done, dead, cancelled

  var value: TaskState? { TaskState(rawValue: rawValue) }
}
