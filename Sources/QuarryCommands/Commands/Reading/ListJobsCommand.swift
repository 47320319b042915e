import QuarryCore
import QuarryLode

struct ListJobsCommand: WatchableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "Lists jobs: live with --fleet or --redis, else those of the dataset.")

  @Option("state", help: ArgumentHelp("Only jobs that are running, failed or succeeded.", valueName: "state"))
  var state: JobStateFlag?
  @Option("limit", help: ArgumentHelp("At most so many. Default: 100.", valueName: "n"), transform: Reading.positive)
  var limit: Int?
  @OptionGroup var filters: RunFilterOptions
  @OptionGroup var silence: LivenessOptions
  @OptionGroup var place: FleetOrDatasetOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions

  func document(in context: CommandContext) async throws -> Output {
    let limit = limit ?? 100
    switch try place.source(in: context) {
    case .live(let address):
      try StoredOnly.refuse(filters.given)
      let (jobs, view) = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
        (try await queue.jobs(limit: state == nil ? limit : .max), try await queue.fleetView())
      }
      LiveFleet.tellHealth(view, in: context)
      let wanted = jobs.filter { job in state.map { $0.value == job.runState } ?? true }
      return .list(wanted.prefix(limit).map(Output.jobRow))
    case .dataset(let reader):
      var filter = filters.filter
      filter.state = state?.value
      filter.liveness = silence.liveness()
      let jobs = try await Stored.list(in: context) { [filter] () throws(QuarryError) in
        try reader.jobs(filter, limit: limit)
      }
      if jobs.isEmpty, try await !Stored.explainNothing(filter, reader, in: context) {
        context.console.say("none in \(reader.layout.folder); those of a live fleet: add --fleet NAME or --redis URL")
      }
      return .list(jobs.map(Output.jobRow))
    }
  }
}

enum JobStateFlag: String, CaseIterable {
  case running, failed, succeeded

  var value: RunState {
    switch self {
    case .running: .running
    case .failed: .failed
    case .succeeded: .succeeded
    }
  }
}
