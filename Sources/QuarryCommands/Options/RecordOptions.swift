import QuarryCore
import QuarryLode

/// Which records of a dataset; flags that are given hold together.
struct RecordOptions: ParsableArguments {
  @Option("run", help: ArgumentHelp("Only this run.", valueName: "id"))
  var run: String?
  @Option("job", help: ArgumentHelp("Only runs of this job.", valueName: "id"))
  var job: String?
  @Option("source", help: ArgumentHelp("Only this source.", valueName: "name"))
  var source: String?
  @Option("category", help: ArgumentHelp("Only this category.", valueName: "name"))
  var category: String?
  @Option(
    "day", help: ArgumentHelp("Only runs that began on this day (UTC), such as 2026-11-24.", valueName: "day"),
    transform: Reading.day)
  var day: String?
  @Option(
    "type",
    help: ArgumentHelp(
      "Only records of this type, such as item or log; may be repeated. Default: all.", valueName: "type")
  )
  var type: [String] = []
  @Flag(
    "accepted", help: "Only runs that a fleet's ledger says to count: one for each task that is done. Needs no Redis.")
  var accepted = false

  var query: RecordQuery {
    let runs = RunFilter(
      source: source, category: category, day: day, runID: run, jobID: job, isAcceptedOnly: accepted)
    return RecordQuery(runs: runs, types: Set(type))
  }

  /// Why a query has found nothing.
  /// - Parameter flags: those that lead another command to the same dataset.
  func nothing(
    _ figures: RecordFigures, field: String?, in reader: LodeReader, flags: String
  ) throws(QuarryError) -> NotFound {
    if figures.runs == 0 { return try noRun(figures, in: reader, flags: flags) }
    let missing = type.first { !figures.types.contains($0) }
    if let missing, figures.records == 0 {
      return NotFound(
        "no records of type '\(missing)' in what was asked for",
        remedy: Nearest.to(missing, among: figures.types.sorted()).map { "did you mean '\($0)'?" }
          ?? "there are: \(figures.types.sorted().joined(separator: ", "))")
    }
    guard figures.records > 0 else { return NotFound("no records in what was asked for") }
    return NotFound(
      field.map { "no record has '\($0)' in its payload" } ?? "no record has a payload",
      remedy: "without --field and --payload the whole records are shown")
  }

  private func noRun(
    _ figures: RecordFigures, in reader: LodeReader, flags: String
  ) throws(QuarryError) -> NotFound {
    if accepted, figures.found > 0 {
      let subject = run.map { "run '\($0)' is not the one that counts for a task" } ?? "no run counts for a task"
      return NotFound(
        subject + (job.map { " of job '\($0)'" } ?? ""),
        remedy: "only fleets have a ledger; without --accepted every run is shown")
    }
    if let missing = try reader.missingPlace(query.runs) { return NotFound(missing, in: reader) }
    if let run {
      return NotFound(
        "no run '\(run)' in what was asked for", remedy: "`quarry list runs\(flags)` shows those there are")
    }
    if let job {
      return NotFound("no runs of job '\(job)'", remedy: "`quarry list jobs\(flags)` shows those there are")
    }
    return NotFound(
      "nothing in \(reader.layout.folder) is what was asked for",
      remedy: "`quarry list runs\(flags)` shows what there is")
  }
}

extension NotFound {
  /// Days are named from the newest on, other places in their order.
  init(_ missing: MissingPlace, in reader: LodeReader) {
    let message = "no \(missing.key) '\(missing.value)' in \(reader.layout.folder)"
    self.init(message, remedy: Self.remedy(missing))
  }

  private static func remedy(_ missing: MissingPlace) -> String {
    if missing.others.isEmpty { return "there are no runs in it" }
    let isDay = missing.key == "day"
    if !isDay, let nearest = Nearest.to(missing.value, among: missing.others) { return "did you mean '\(nearest)'?" }
    let others = isDay ? missing.others.reversed() : missing.others
    let more = others.count > 10 ? " and \(others.count - 10) more" : ""
    return "there are: \(others.prefix(10).joined(separator: ", "))\(more)"
  }
}
