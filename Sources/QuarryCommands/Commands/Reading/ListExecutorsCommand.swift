import QuarryCore
import QuarryFleet
import QuarryLode

struct ListExecutorsCommand: WatchableCommand {
  static let configuration = CommandConfiguration(
    commandName: "executors",
    abstract: "Lists executors: those of a live fleet's workers with --fleet or --redis, else those that metrics name.")

  @Option("state", help: ArgumentHelp("Only executors that are running, idle or failed.", valueName: "state"))
  var state: ExecutorStateFlag?
  @Option("limit", help: ArgumentHelp("At most so many. Default: 100.", valueName: "n"), transform: Reading.positive)
  var limit: Int?
  @OptionGroup var filters: JobRunFilterOptions
  @OptionGroup var place: FleetOrDatasetOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions

  func document(in context: CommandContext) async throws -> Output {
    let executors = try await Executors.read(place, filters.filter, filters.given, in: context)
    if executors.isEmpty, case .dataset(let reader) = try place.source(in: context) {
      try await Stored.explainNothing(filters.filter, reader, in: context)
    }
    let wanted = executors.filter { executor in state.map { $0 == executor.state } ?? true }
    return .list(wanted.prefix(limit ?? 100).map(Output.executorRow))
  }
}

enum ExecutorStateFlag: String, CaseIterable {
  case running, idle, failed
}

/// One executor as it is shown.
enum ExecutorView: Sendable {
  /// The executors of one worker, which are kept and replaced by it.
  case live(WorkerView)
  /// A program, by the base name of its path. Runs that go on have no metrics yet.
  case stored(ExecutorFigures)

  var id: String {
    switch self {
    case .live(let worker): worker.workerID
    case .stored(let figures): figures.executor
    }
  }

  /// Of stored ones as of the last run that has ended.
  var state: ExecutorStateFlag {
    switch self {
    case .live(let worker): !worker.isUp ? .failed : worker.running > 0 ? .running : .idle
    case .stored(let figures): figures.hasFailed ? .failed : .idle
    }
  }
}

/// Reads all executors, the one seen last first.
enum Executors {
  /// - Parameters:
  ///   - filter: of the runs by which stored ones are known.
  ///   - given: the flags that it is made of.
  static func read(
    _ place: FleetOrDatasetOptions, _ filter: RunFilter, _ given: [(String, Bool)], in context: CommandContext
  ) async throws -> [ExecutorView] {
    switch try place.source(in: context) {
    case .live(let address):
      try StoredOnly.refuse(given)
      let workers = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
        try await queue.workers()
      }
      return workers.map(ExecutorView.live)
    case .dataset(let reader):
      return try await stored(reader, filter, in: context).map(ExecutorView.stored)
    }
  }

  private static func stored(
    _ reader: LodeReader, _ filter: RunFilter, in context: CommandContext
  ) async throws -> [ExecutorFigures] {
    try await Stored.list(in: context) { () throws(QuarryError) in
      var tally = ExecutorTally()
      let warnings = try reader.forEachMetrics(filter) { tally.add($1, runID: $0.runID) }
      return Listing(rows: tally.newestFirst, warnings: warnings)
    }
  }
}
