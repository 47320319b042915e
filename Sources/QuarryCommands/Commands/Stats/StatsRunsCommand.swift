import QuarryCore
import QuarryFleet
import QuarryLode

struct StatsRunsCommand: ViewableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs",
    abstract:
      "Counts runs by state: those of a dataset, or with --fleet or --redis alone those that a live fleet knows.")

  @Option(
    "limit", help: ArgumentHelp("Only the newest so many. Default: all.", valueName: "n"), transform: Reading.positive)
  var limit: Int?
  @OptionGroup var selection: RunSelectionOptions
  @OptionGroup var place: RunPlaceOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions
  @OptionGroup var view: ViewOptions

  func document(in context: CommandContext) async throws -> Output {
    switch try await place.source(in: context) {
    case .live(let address): try await live(address, in: context)
    case .dataset(let reader, let liveness): try await stored(reader, liveness, in: context)
    }
  }

  private func stored(_ reader: LodeReader, _ liveness: Liveness, in context: CommandContext) async throws -> Output {
    let filter = selection.filter(liveness)
    let counts = try await Stored.ask { [limit] () throws(QuarryError) in
      guard let limit else { return try reader.runCounts(filter) }
      var counts = RunCounts()
      counts.warnings = try reader.eachRun(filter, limit: limit) { counts.add($0) }
      return counts
    }
    context.passOver(counts.warnings)
    if counts.total == 0 { try await Stored.explainNothing(filter, reader, in: context) }
    return .totals(counts)
  }

  /// A fleet counts tasks: how many runs of them failed it does not know.
  private func live(_ address: FleetAddress, in context: CommandContext) async throws -> Output {
    try StoredOnly.refuse(
      selection.storedOnly + [("--state", selection.state != nil), ("--limit", limit != nil)])
    let tasks = try await LiveFleet.tasks(of: selection.ofJob.job, address, in: context)
    return .totals(total: nil, running: tasks.running, succeeded: tasks.succeeded, failed: nil)
  }
}
