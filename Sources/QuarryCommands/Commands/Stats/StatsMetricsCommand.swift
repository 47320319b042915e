import QuarryCore
import QuarryLode

struct StatsMetricsCommand: ViewableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics",
    abstract: "Adds up the metrics records of runs: events, drops, flushes, executors, storage.")

  @Option("run", help: ArgumentHelp("Only this run: its record.", valueName: "id"))
  var run: String?
  @Option(
    "state", help: ArgumentHelp("Only runs that failed or succeeded; others have no metrics yet.", valueName: "state"))
  var state: EndedStateFlag?
  @Option(
    "limit", help: ArgumentHelp("Only the newest so many runs. Default: all.", valueName: "n"),
    transform: Reading.positive)
  var limit: Int?
  @OptionGroup var filters: JobRunFilterOptions
  @Flag("accepted", help: "Only runs that a fleet's ledger says to count: one for each task that is done.")
  var accepted = false
  @Flag("by-run", help: "A list of the records, one a run, the newest 100 unless --limit says otherwise.")
  var byRun = false
  @OptionGroup var dataset: DatasetOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions
  @OptionGroup var view: ViewOptions

  func document(in context: CommandContext) async throws -> Output {
    let reader = try dataset.reader(in: context)
    let (filter, limit) = (filter, byRun ? limit ?? 100 : limit)
    let answer = try await Stored.ask { [byRun] () throws(QuarryError) in
      var totals = MetricsTotals()
      var rows: [Output] = []
      let warnings = try reader.forEachMetrics(filter, limit: limit) { _, record in
        if byRun { rows.append(.metrics(record)) } else { totals.add(record) }
      }
      return (totals, rows, warnings)
    }
    context.passOver(answer.2)
    if let run, byRun ? answer.1.isEmpty : answer.0.runs == 0 {
      try NotFound.require(reader)
      throw try await missing(run, reader, flags: dataset.flags(in: context))
    }
    if byRun ? answer.1.isEmpty : answer.0.runs == 0 { try await Stored.explainNothing(filter, reader, in: context) }
    return byRun ? .list(answer.1) : .metrics(answer.0)
  }

  private var filter: RunFilter {
    var filter = filters.filter
    filter.runID = run
    filter.isAcceptedOnly = accepted
    filter.state = state?.value
    return filter
  }

  private func missing(_ run: String, _ reader: LodeReader, flags: String) async throws(QuarryError) -> NotFound {
    let (isThere, known) = try await Stored.ask { () throws(QuarryError) in
      (try reader.summary(of: run) != nil, try reader.runIDs(limit: 1_000))
    }
    if isThere {
      return NotFound(
        "run '\(run)' has no metrics record",
        remedy: "`quarry inspect run \(RunNarration.word(run))\(flags)` shows what it has")
    }
    return .unknown("run", run, "in what was asked for", among: known, list: "quarry list runs\(flags)")
  }
}

enum EndedStateFlag: String, CaseIterable {
  case failed, succeeded

  var value: RunState { self == .failed ? .failed : .succeeded }
}
