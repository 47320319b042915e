import QuarryCore
import QuarryFleet
import QuarryLode

struct ListTasksCommand: WatchableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tasks",
    abstract:
      "Lists a fleet's tasks: live with --fleet or --redis, else what the ledger has of them, the last that ended first."
  )

  @Option(
    "state",
    help: ArgumentHelp("Only tasks that are ready, scheduled, leased, done, dead or cancelled.", valueName: "state"))
  var state: TaskStateFlag?
  @Option("job", help: ArgumentHelp("Only tasks of this job.", valueName: "id"))
  var job: String?
  @Option("host", help: ArgumentHelp("Only tasks of this host (live).", valueName: "name"))
  var host: String?
  @Option(
    "since",
    help: ArgumentHelp(
      "Only tasks that ended since then: 90m, 24h, 2026-11-24 or 2026-11-24T10:00:00Z.", valueName: "time"),
    transform: Reading.past)
  var since: Timestamp?
  @Option("limit", help: ArgumentHelp("At most so many. Default: 100.", valueName: "n"), transform: Reading.positive)
  var limit: Int?
  @OptionGroup var place: FleetOrDatasetOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions

  func document(in context: CommandContext) async throws -> Output {
    let limit = limit ?? 100
    switch try place.source(in: context) {
    case .live(let address):
      try StoredOnly.refuse([("--since", since != nil)])
      let tasks = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
        try await queue.listTasks(jobID: job, state: state?.value, host: host, limit: limit)
      }
      return .list(tasks.map(Output.taskRow))
    case .dataset(let reader):
      let unknown = host != nil ? "--host" : state.flatMap { $0.isOfLedgers ? nil : "--state \($0.rawValue)" }
      if let unknown {
        throw QuarryError(
          .usage, "\(unknown) is not known to a ledger", remedy: "ask the live fleet: --fleet NAME or --redis URL")
      }
      let tasks = try await stored(reader, limit: limit)
      if tasks.isEmpty { try await Stored.explainNothing(RunFilter(jobID: job), reader, in: context) }
      return .list(tasks.map(Output.taskRow))
    }
  }

  private func stored(_ reader: LodeReader, limit: Int) async throws -> [EndedTask] {
    let (job, state, since) = (job, state?.rawValue, since)
    return try await Stored.ask { () throws(QuarryError) in
      // By time and id as one text: of the two, time has one length.
      var rows = GreatestRows<EndedTask, String>(limit: limit) { "\($0.endedAt?.text(fraction: 9) ?? "") \($0.taskID)" }
      try reader.forEachEndedTask(jobID: job) { task in
        guard state.map({ $0 == task.state.rawValue }) ?? true else { return }
        guard since.map({ since in task.endedAt.map { $0 >= since } ?? false }) ?? true else { return }
        rows.add(task)
      }
      return rows.greatestFirst
    }
  }
}

enum TaskStateFlag: String, CaseIterable {
  case ready, scheduled, leased, done, dead, cancelled

  var value: TaskState? { TaskState(rawValue: rawValue) }

  /// A ledger has tasks that have ended.
  var isOfLedgers: Bool {
    switch self {
    case .ready, .scheduled, .leased: false
    case .done, .dead, .cancelled: true
    }
  }
}
