import QuarryCore
import QuarryFleet
import QuarryLode

struct StatsTasksCommand: ViewableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tasks",
    abstract: "Counts a fleet's tasks by state: live with --fleet or --redis, else those that the ledger and runs name."
  )

  @Option("job", help: ArgumentHelp("Only tasks of this job.", valueName: "id"))
  var job: String?
  @OptionGroup var silence: LivenessOptions
  @OptionGroup var place: FleetOrDatasetOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions
  @OptionGroup var view: ViewOptions

  func document(in context: CommandContext) async throws -> Output {
    switch try place.source(in: context) {
    case .live(let address): .tasks(try await LiveFleet.tasks(of: job, address, in: context))
    case .dataset(let reader): .tasks(try await stored(reader, in: context))
    }
  }

  /// A task that has not ended is known by its run, if it has one that is stored.
  private func stored(_ reader: LodeReader, in context: CommandContext) async throws -> TaskTotals {
    var filter = RunFilter(state: .running, jobID: job)
    filter.liveness = silence.liveness()
    let (totals, warnings) = try await Stored.ask { [filter, job] () throws(QuarryError) in
      var totals = TaskTotals()
      try reader.forEachEndedTask(jobID: job) { totals.add($0.state) }
      var running: Set<String> = []
      let warnings = try reader.eachRun(filter, limit: nil) { run in
        if let task = run.taskID { running.insert(task) }
      }
      totals.running = running.count
      return (totals, warnings)
    }
    context.passOver(warnings)
    if totals.total == 0 { try await Stored.explainNothing(RunFilter(jobID: job), reader, in: context) }
    return totals
  }
}

/// How many tasks are in which state.
struct TaskTotals: Sendable, Equatable {
  /// At a worker, as far as is known.
  var running = 0
  var succeeded = 0
  var failed = 0
  var cancelled = 0
  /// Waiting for a worker, for their time, or to be admitted; nil where only what is stored is known.
  var queued: Int?

  var total: Int { running + succeeded + failed + cancelled + (queued ?? 0) }

  mutating func add(_ state: EndedTask.State) {
    switch state {
    case .done: succeeded += 1
    case .dead: failed += 1
    case .cancelled: cancelled += 1
    }
  }

  mutating func add(_ job: JobStatus) {
    running += job.leased
    succeeded += job.done
    failed += job.dead
    cancelled += job.cancelled
    queued = (queued ?? 0) + job.ready + job.scheduled + job.outbox
  }
}

extension LiveFleet {
  /// - Parameter jobID: nil for all jobs.
  static func tasks(
    of jobID: String?, _ address: FleetAddress, in context: CommandContext
  ) async throws -> TaskTotals {
    let jobs = try await ask(address, in: context) { queue throws(QuarryError) in
      guard let jobID else { return try await queue.jobs(limit: .max) }
      return try await queue.job(jobID).map { [$0] } ?? []
    }
    var totals = TaskTotals()
    totals.queued = 0
    for job in jobs { totals.add(job.status) }
    return totals
  }
}
