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

  /// A run that has stored nothing for so long is lost; nil: none is by its silence alone.
  package var silence: Duration?
  /// What the time is; nil asks the store: this machine's clock may be another than those of the writers.
  package var now: Timestamp?
  /// Nil where no fleet was asked.
  package var leases: Leases?

  package init(silence: Duration? = nil, now: Timestamp? = nil, leases: Leases? = nil) {
    self.silence = silence
    self.now = now
    self.leases = leases
  }

  /// What has to be known for a time.
  fileprivate struct Bounds {
    /// A run that has stored nothing since then is lost; nil for a silence before all time.
    let silentSince: Timestamp?
    /// What seems to have been stored later than this was so while a clock was ahead.
    let latest: Timestamp

    init(_ silence: Duration, at now: Timestamp) {
      let (time, overflows) = silence.milliseconds.multipliedReportingOverflow(by: 1_000_000)
      silentSince = overflows ? nil : Timestamp(nanoseconds: now.nanoseconds - time)
      latest = Timestamp(nanoseconds: now.nanoseconds + Liveness.clockDifference)
    }
  }
}

/// Judges the runs of one query.
struct LivenessJudge {
  private let liveness: Liveness
  private let layout: DatasetLayout
  private let ledger: LedgerReader
  /// By job: its tasks that have ended, with the run that counts.
  private var ended: [String: [String: String]] = [:]
  /// Asked for once a query, and only when a run without an end is met; nil inside where nobody could say.
  private var bounds: Liveness.Bounds??
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
      // The ledger is read after the run: one that counts has ended meanwhile, its last records in storage.
      if let counting = endedTasks(of: job)[task], counting != run.runID { return true }
    }
    return currentBounds()?.silentSince.map { stored < $0 } ?? false
  }

  private mutating func currentBounds() -> Liveness.Bounds? {
    guard let silence = liveness.silence else { return nil }
    if let bounds { return bounds }
    var made: Liveness.Bounds?
    do throws(QuarryError) {
      made = Liveness.Bounds(silence, at: try now())
    } catch { warnings.append(error.message) }
    bounds = .some(made)
    return made
  }

  private func now() throws(QuarryError) -> Timestamp {
    if let now = liveness.now { return now }
    return try layout.described { () throws(FileFailure) in try layout.store.now(in: layout.folder) }
  }

  /// By the id of its newest snapshot. Once a clock was ahead all ids are, since they only grow: then the store knows when
  /// its manifest was made.
  private mutating func lastStored(_ run: RunSummary) -> Timestamp {
    guard let latest = currentBounds()?.latest, run.lastStoredAt > latest else { return run.lastStoredAt }
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
  private mutating func endedTasks(of job: String) -> [String: String] {
    if let known = ended[job] { return known }
    var tasks: [String: String] = [:]
    do throws(QuarryError) { tasks = try ledger.endedTasks(jobID: job) } catch { warnings.append(error.message) }
    ended[job] = tasks
    return tasks
  }
}

extension RunSummary {
  /// When its newest records came to storage.
  package var lastStoredAt: Timestamp { Timestamp(nanoseconds: Int64(clamping: lastSnapshot.value)) }
}
