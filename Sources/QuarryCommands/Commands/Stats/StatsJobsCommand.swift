import QuarryCore
import QuarryFleet
import QuarryLode

struct StatsJobsCommand: ViewableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "Counts jobs by state: live with --fleet or --redis, else those of the dataset.")

  @Option("state", help: ArgumentHelp("Only jobs that are running, failed or succeeded.", valueName: "state"))
  var state: JobStateFlag?
  @Option(
    "limit", help: ArgumentHelp("Only the newest so many. Default: all.", valueName: "n"), transform: Reading.positive)
  var limit: Int?
  @OptionGroup var filters: RunFilterOptions
  @OptionGroup var silence: LivenessOptions
  @OptionGroup var place: FleetOrDatasetOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions
  @OptionGroup var view: ViewOptions

  func document(in context: CommandContext) async throws -> Output {
    let states = try await states(in: context).filter { found in state.map { $0.value == found } ?? true }
    func count(_ state: RunState) -> Int { states.count { $0 == state } }
    return .totals(
      total: states.count, running: count(.running), succeeded: count(.succeeded), failed: count(.failed))
  }

  private func states(in context: CommandContext) async throws -> [RunState] {
    let limit = limit ?? .max
    switch try place.source(in: context) {
    case .live(let address):
      try StoredOnly.refuse(filters.given)
      let jobs = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
        try await queue.jobs(limit: limit)
      }
      return jobs.map(\.runState)
    case .dataset(let reader):
      var filter = filters.filter
      filter.liveness = silence.liveness()
      let jobs = try await Stored.list(in: context) { [filter] () throws(QuarryError) in
        try reader.jobs(filter, limit: limit)
      }
      if jobs.isEmpty { try await Stored.explainNothing(filter, reader, in: context) }
      return jobs.map(\.state)
    }
  }
}
