import QuarryCore

/// How runs without an end are told apart: those that go on are running, those whose writer died are lost.
///
/// A fleet's run is lost when the fleet has given its task to another run, or to none, or when the job's ledger says that
/// its task has ended. Any other is lost when it has stored nothing for long: that is a guess, and a run that stores
/// something afterwards is running again.
package struct Liveness: Sendable, Equatable {
  /// What a live fleet says of its runs.
  package struct Leases: Sendable, Equatable {
    /// The jobs it knows.
    package var jobs: Set<String>
    /// The runs that workers have now.
    package var runs: Set<String>
    /// When it was asked; of runs that stored something later it says nothing.
    package var asked: Timestamp

    package init(jobs: Set<String>, runs: Set<String>, asked: Timestamp) {
      self.jobs = jobs
      self.runs = runs
      self.asked = asked
    }
  }

  /// How long a run may store nothing before it counts as lost.
  package static let usualSilence = Duration.seconds(3_600)

  /// How far clocks of machines are thought to differ: five minutes, in nanoseconds.
  private static let clockDifference: Int64 = 300_000_000_000

  /// A run that has stored nothing since then is lost; nil: none is by its age alone.
  package var silentSince: Timestamp?
  /// What seems to have been stored later than this was so while a clock was ahead; nil: nothing is held against it.
  package var latest: Timestamp?
  /// Nil where no fleet was asked.
  package var leases: Leases?

  package init(silentSince: Timestamp? = nil, leases: Leases? = nil) {
    self.silentSince = silentSince
    self.leases = leases
  }

  /// - Parameter silence: how long a run may store nothing.
  package init(silence: Duration, now: Timestamp = .now(), leases: Leases? = nil) {
    let (time, overflows) = silence.milliseconds.multipliedReportingOverflow(by: 1_000_000)
    silentSince = overflows ? nil : Timestamp(nanoseconds: now.nanoseconds - time)
    latest = Timestamp(nanoseconds: now.nanoseconds + Self.clockDifference)
    self.leases = leases
  }
}

/// Judges the runs of one query.
struct LivenessJudge {
  private let liveness: Liveness
  private let layout: DatasetLayout
  private let ledger: LedgerReader
  /// By job: its tasks that have ended.
  private var ended: [String: Set<String>] = [:]
  private(set) var warnings: [String] = []

  init(_ liveness: Liveness, layout: DatasetLayout) {
    self.liveness = liveness
    self.layout = layout
    ledger = LedgerReader(layout: layout)
  }

  /// - Parameter run: by its records alone.
  mutating func judged(_ run: RunSummary) -> RunSummary {
    guard run.state == .running, isLost(run) else { return run }
    var run = run
    run.state = .lost
    return run
  }

  private mutating func isLost(_ run: RunSummary) -> Bool {
    let stored = lastStored(run)
    if let task = run.taskID, let job = run.jobID {
      if let leases = liveness.leases, leases.jobs.contains(job), stored < leases.asked {
        return !leases.runs.contains(run.runID)
      }
      if endedTasks(of: job).contains(task) { return true }
    }
    return liveness.silentSince.map { stored < $0 } ?? false
  }

  /// By the id of its newest snapshot. Once a clock was ahead all ids are, since they only grow: then the store knows when
  /// its manifest was made.
  private mutating func lastStored(_ run: RunSummary) -> Timestamp {
    guard let latest = liveness.latest, run.lastStoredAt > latest else { return run.lastStoredAt }
    do throws(QuarryError) {
      let manifest = "\(layout.canonicalFolder(run.lastSnapshot))/manifest.json"
      let made = try layout.described { () throws(FileFailure) in try layout.store.modified(manifest) }
      guard let made else { return run.lastStoredAt }
      // While that clock was ahead, and nothing since.
      return made > latest ? Timestamp(nanoseconds: 0) : made
    } catch {
      warnings.append(error.message)
      return run.lastStoredAt
    }
  }

  /// Read once a job, and only for jobs that have a run without an end.
  private mutating func endedTasks(of job: String) -> Set<String> {
    if let known = ended[job] { return known }
    var tasks: Set<String> = []
    do throws(QuarryError) { tasks = try ledger.endedTasks(jobID: job) } catch { warnings.append(error.message) }
    ended[job] = tasks
    return tasks
  }
}

extension RunSummary {
  /// When its newest records came to storage.
  package var lastStoredAt: Timestamp { Timestamp(nanoseconds: Int64(clamping: lastSnapshot.value)) }
}
