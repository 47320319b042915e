import QuarryCore
import QuarryFleet
import QuarryMetrics
import QuarryRuntime
import Synchronization

/// What a worker tells Prometheus. Counting costs a lock at the ends of runs, and nothing in between.
final class WorkerMetrics: Sendable {
  private struct Counts {
    var started = 0
    var ends: [String: Int] = [:]
    var retries = 0
    var deaths = 0
    var items = 0
    var events = 0
    /// Of runs that no pool lent an executor to.
    var launches = 0
    var crashes = 0
    var flushes = FlushTriggers()
  }
  /// Ends that are none of a failure's kinds.
  private static let accepted = "accepted"
  private static let superseded = "superseded"

  let figures = WorkerFigures()
  let storage = StorageMeter()
  let redis = RedisMetrics()
  private let counts = Mutex(Counts())
  private let durations = DurationHistogram(bounds: [0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800])

  func note(_ notice: WorkerNotice) {
    switch notice {
    case .runStarted: counts.withLock { $0.started += 1 }
    case .runAccepted(_, let run):
      durations.note(.milliseconds(run.durationMilliseconds))
      counts.withLock { counts in
        counts.ends[Self.accepted, default: 0] += 1
        counts.items += run.itemCount
        counts.events += run.eventCount
      }
    case .runFailed(_, let kind, _, let next):
      counts.withLock { counts in
        counts.ends[kind.rawValue, default: 0] += 1
        if next == TaskState.scheduled.rawValue { counts.retries += 1 }
        if next == TaskState.dead.rawValue { counts.deaths += 1 }
      }
    case .runSuperseded: counts.withLock { $0.ends[Self.superseded, default: 0] += 1 }
    case .redis(let trouble): redis.note(trouble)
    default: break
    }
  }

  /// - Parameter wasLent: its executor came from a pool.
  func note(_ report: RunReport, wasLent: Bool) {
    counts.withLock { counts in
      if !wasLent { counts.launches += 1 }
      if report.outcome == .executorCrash, report.stopReason == nil { counts.crashes += 1 }
      guard let triggers = report.figures.flushTriggers else { return }
      counts.flushes.count += triggers.count
      counts.flushes.interval += triggers.interval
      counts.flushes.termination += triggers.termination
      counts.flushes.capacity += triggers.capacity
    }
  }

  /// Why this worker is not well.
  var ailment: String? {
    let now = figures.current
    if let ailment = redis.ailment { return ailment }
    if let renewedAt = now.renewedAt, age(of: renewedAt) > now.timing.lease { return "no heartbeat within its lease" }
    guard let hindrance = now.hindrance, hindrance != .held else { return nil }
    return "claims nothing: \(hindrance.rawValue)"
  }

  private func age(of moment: UInt64) -> Duration {
    .nanoseconds(Int64(clamping: FleetClock.system.boot().subtractingReportingOverflow(moment).partialValue))
  }

  /// - Parameter poolStarts: executors that its pool has started.
  func families(slots: Int, poolStarts: Int) -> [MetricFamily] {
    let counts = counts.withLock { $0 }
    let families =
      state(figures.current, slots) + ends(counts)
      + [
        MetricFamily(
          .counter, "quarry_executor_starts_total", "Executors started.", Double(poolStarts + counts.launches)),
        MetricFamily(
          .counter, "quarry_executor_crashes_total", "Executors that ended in the middle of a run, unasked.",
          Double(counts.crashes)),
        flushes(counts.flushes),
      ]
    return families + storage.families + redis.families + OwnMetrics.families
  }

  private func state(_ now: WorkerFigures.Values, _ slots: Int) -> [MetricFamily] {
    var families = [
      MetricFamily(.gauge, "quarry_worker_slots", "Runs that it takes at once.", Double(slots)),
      MetricFamily(.gauge, "quarry_worker_runs", "Leases that it holds now.", Double(now.held)),
      MetricFamily(.counter, "quarry_worker_claims_total", "Tasks that it was handed.", Double(now.claims)),
      MetricFamily(
        .gauge, "quarry_worker_unsettled", "Ended tasks whose ledger record is not written yet.", Double(now.unsettled)),
      MetricFamily(
        .gauge, "quarry_worker_lease_seconds", "How long a claim holds without a heartbeat.",
        now.timing.lease.inSeconds),
      MetricFamily(
        .gauge, "quarry_worker_hindered", "1 for what keeps it from claiming, 0 for what does not.", by: "cause",
        WorkerFigures.Hindrance.allCases.map { ($0.rawValue, now.hindrance == $0 ? 1 : 0) }),
    ]
    if let renewedAt = now.renewedAt {
      families.append(
        MetricFamily(
          .gauge, "quarry_worker_heartbeat_age_seconds", "Since the last heartbeat that Redis answered was sent.",
          age(of: renewedAt).inSeconds))
    }
    return families
  }

  private func ends(_ counts: Counts) -> [MetricFamily] {
    let kinds = [Self.accepted, Self.superseded] + TaskResult.FailureKind.allCases.map(\.rawValue)
    return [
      MetricFamily(
        .counter, "quarry_worker_runs_started_total", "Runs whose executor has begun.", Double(counts.started)),
      MetricFamily(
        .counter, "quarry_worker_runs_total", "Ends of its runs: accepted, superseded, or the failure's kind.",
        by: "outcome", kinds.map { ($0, Double(counts.ends[$0] ?? 0)) }),
      MetricFamily(
        .counter, "quarry_worker_retries_total", "Failures after which the task waits for another try.",
        Double(counts.retries)),
      MetricFamily(
        .counter, "quarry_worker_deaths_total", "Failures after which the task is dead.", Double(counts.deaths)),
      MetricFamily(.counter, "quarry_worker_items_total", "Items of accepted runs.", Double(counts.items)),
      MetricFamily(.counter, "quarry_worker_events_total", "Events of accepted runs.", Double(counts.events)),
      durations.family("quarry_worker_run_duration_seconds", "Accepted runs, by duration."),
    ]
  }

  private func flushes(_ flushes: FlushTriggers) -> MetricFamily {
    MetricFamily(
      .counter, "quarry_policy_flushes_total",
      "Flushes of streaming and buffered policies in runs that ended, by what caused them.",
      by: "trigger",
      [
        ("count", Double(flushes.count)), ("interval", Double(flushes.interval)),
        ("termination", Double(flushes.termination)), ("capacity", Double(flushes.capacity)),
      ])
  }
}
