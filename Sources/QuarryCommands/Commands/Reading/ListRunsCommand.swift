import QuarryCore
import QuarryFleet
import QuarryLode

struct ListRunsCommand: WatchableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs",
    abstract: "Lists the runs of a dataset, newest first; with --fleet or --redis alone those of a live fleet.")

  @Option("limit", help: ArgumentHelp("At most so many. Default: 100.", valueName: "n"), transform: Reading.positive)
  var limit: Int?
  @OptionGroup var selection: RunSelectionOptions
  @OptionGroup var place: RunPlaceOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions

  func document(in context: CommandContext) async throws -> Output {
    switch try await place.source(in: context) {
    case .live(let address): .list(try await live(address, in: context).map(Output.runRow))
    case .dataset(let reader, let liveness):
      .list(try await stored(reader, liveness, in: context).map(Output.runRow))
    }
  }

  private func stored(
    _ reader: LodeReader, _ liveness: Liveness, in context: CommandContext
  ) async throws -> [RunSummary] {
    let filter = selection.filter(liveness)
    let limit = limit ?? 100
    let rows = try await Stored.list(in: context) { () throws(QuarryError) in try reader.runs(filter, limit: limit) }
    if rows.isEmpty { try await Stored.explainNothing(filter, reader, in: context) }
    return rows
  }

  private func live(_ address: FleetAddress, in context: CommandContext) async throws -> [TaskView] {
    try StoredOnly.refuse(selection.storedOnly)
    let limit = limit ?? 100
    return try await LiveFleet.ask(address, in: context) {
      [job = selection.ofJob.job, state = selection.state] queue throws(QuarryError) in
      var found: [TaskView] = []
      for state in TaskState.withRuns(state) where found.count < limit {
        let tasks = try await queue.listTasks(jobID: job, state: state, limit: limit)
        found += tasks.filter { $0.runID != nil }
      }
      var jobs: [String: JobView] = [:]
      for job in Set(found.prefix(limit).map(\.jobID)) { jobs[job] = try await queue.job(job) }
      return found.prefix(limit).map { [jobs] task in task.placed(by: jobs[task.jobID]) }
    }
  }
}

extension TaskState {
  /// The states of tasks whose last run may be in such a state.
  static func withRuns(_ state: RunStateFlag?) -> [TaskState] {
    switch state {
    case .running: [.leased]
    case .succeeded: [.done]
    case .failed: [.dead, .scheduled, .ready, .cancelled]
    // A fleet gives the task of such a run to another.
    case .lost: []
    case nil: [.leased, .scheduled, .ready, .dead, .cancelled, .done]
    }
  }
}
