import QuarryCore
import QuarryLode

/// Which stored runs, by where they lie and when they began.
struct RunFilterOptions: ParsableArguments {
  @Option("source", help: ArgumentHelp("Only runs of this source.", valueName: "name"))
  var source: String?
  @Option("category", help: ArgumentHelp("Only runs of this category.", valueName: "name"))
  var category: String?
  @Option(
    "day", help: ArgumentHelp("Only runs of this day (UTC), such as 2026-11-24.", valueName: "day"),
    transform: Reading.day)
  var day: String?
  @Option(
    "since",
    help: ArgumentHelp(
      "Only runs that began since then: 90m, 24h, 2026-11-24 or 2026-11-24T10:00:00Z.", valueName: "time"),
    transform: Reading.past)
  var since: Timestamp?

  var filter: RunFilter { RunFilter(source: source, category: category, day: day, since: since) }

  /// The flags with whether they were given.
  var given: [(String, Bool)] {
    [
      ("--source", source != nil), ("--category", category != nil), ("--day", day != nil), ("--since", since != nil),
    ]
  }
}

/// The same, and runs of one job.
struct JobRunFilterOptions: ParsableArguments {
  @Option("job", help: ArgumentHelp("Only runs of this job.", valueName: "id"))
  var job: String?
  @OptionGroup var runs: RunFilterOptions

  var filter: RunFilter {
    var filter = runs.filter
    filter.jobID = job
    return filter
  }

  var given: [(String, Bool)] { runs.given + [("--job", job != nil)] }
}

/// The same, and what became of a run: what `list runs` shows and `stats runs` counts.
struct RunSelectionOptions: ParsableArguments {
  @Option("state", help: ArgumentHelp("Only runs that are running, failed, succeeded or lost.", valueName: "state"))
  var state: RunStateFlag?
  @OptionGroup var ofJob: JobRunFilterOptions
  @Flag("accepted", help: "Only runs that a fleet's ledger says to count: one for each task that is done.")
  var accepted = false

  func filter(_ liveness: Liveness) -> RunFilter {
    var filter = ofJob.filter
    filter.state = state?.value
    filter.isAcceptedOnly = accepted
    filter.liveness = liveness
    return filter
  }

  /// Those that no live fleet knows: it has tasks with states, of jobs.
  var storedOnly: [(String, Bool)] { ofJob.runs.given + [("--accepted", accepted)] }
}

enum RunStateFlag: String, CaseIterable {
  case running, failed, succeeded, lost

  var value: RunState {
    switch self {
    case .running: .running
    case .failed: .failed
    case .succeeded: .succeeded
    case .lost: .lost
    }
  }
}

/// When a run without an end counts as lost.
struct LivenessOptions: ParsableArguments {
  @Option(
    "lost-after",
    help: ArgumentHelp(
      "A run without an end that has stored nothing for so long counts as lost. Default: 1h.", valueName: "time"),
    transform: Reading.duration)
  var lostAfter: Duration?

  func liveness(leases: Liveness.Leases? = nil) -> Liveness {
    Liveness(silence: lostAfter ?? Liveness.usualSilence, leases: leases)
  }
}

/// Flags that only stored data can answer.
enum StoredOnly {
  /// - Throws: `QuarryError(.usage)` naming the first that was given.
  static func refuse(_ flags: [(String, Bool)]) throws(QuarryError) {
    guard let flag = flags.first(where: \.1)?.0 else { return }
    throw QuarryError(
      .usage, "\(flag) is not known to a live fleet",
      remedy: "leave it out, or ask the dataset: --storage-path DIR, without --fleet and --redis")
  }
}
