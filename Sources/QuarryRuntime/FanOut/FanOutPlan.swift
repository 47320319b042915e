import QuarryCore

/// Bounds of a fan-out.
package struct FanOutLimits: Sendable, Equatable {
  /// How far from the root work may be derived; 0 leaves `enqueue` advisory.
  package var depth: Int
  /// Children at most; the root does not count.
  package var maxRuns: Int
  /// Runs at the same time, from 1.
  package var parallel: Int

  package init(depth: Int, maxRuns: Int, parallel: Int = 1) {
    self.depth = depth
    self.maxRuns = maxRuns
    self.parallel = parallel
  }

  /// Runs that may ever be going on together, the root among them.
  package var runsAtOnce: Int { max(1, min(parallel, maxRuns < .max ? maxRuns + 1 : maxRuns)) }
}

/// One run of a fan-out: what to run, and where it comes from.
package struct FanOutRun: Sendable, Equatable {
  /// Absolute path of the script.
  package var script: String
  /// A JSON object, as text.
  package var params: String
  package var runID: String
  /// 0 for the root.
  package var depth: Int
  /// The run that emitted it; nil for the root.
  package var parentRunID: String?
  /// Only where the `enqueue` says so; the root's else.
  package var source: String?
  package var category: String?
  /// `high`, `default` or `low`: which ready work goes first.
  package var lane: String?
  /// Of this run alone; nil for that of all runs.
  package var timeout: Duration?

  package init(
    script: String, params: String, runID: String, depth: Int = 0, parentRunID: String? = nil, source: String? = nil,
    category: String? = nil, lane: String? = nil, timeout: Duration? = nil
  ) {
    self.script = script
    self.params = params
    self.runID = runID
    self.depth = depth
    self.parentRunID = parentRunID
    self.source = source
    self.category = category
    self.lane = lane
    self.timeout = timeout
  }
}

/// How a run of a fan-out ended.
package struct FanOutEnd: Sendable, Equatable {
  package var outcome: Outcome
  /// Its `enqueue` events that named no work.
  package var enqueuesRejected: Int

  package init(_ outcome: Outcome, enqueuesRejected: Int = 0) {
    self.outcome = outcome
    self.enqueuesRejected = enqueuesRejected
  }
}

/// What became of everything that was enqueued.
package struct FanOutCounts: Sendable, Equatable {
  /// Children that were started.
  package var started = 0
  package var byOutcome: [Outcome: Int] = [:]
  package var duplicates = 0
  package var beyondDepth = 0
  package var beyondMaxRuns = 0
  /// The target names no file.
  package var unresolved = 0
  /// Its `enqueue` is malformed, or its source or category is no name.
  package var rejected = 0
  /// Admitted, and not started because of an interrupt.
  package var abandoned = 0

  package init() {}
}

/// Decides what a fan-out runs next: bounds, deduplication and order, and nothing else. Ready work of a lane is started in
/// the order in which it was enqueued; there is no barrier between depths.
struct FanOutPlan {
  enum Verdict: Equatable {
    case admitted, duplicate, beyondDepth, beyondMaxRuns, unresolved
    /// Why its run could not be stored.
    case rejected(String)
  }

  private(set) var counts = FanOutCounts()
  private let limits: FanOutLimits
  private let resolve: (_ target: String, _ emitter: String) -> String?
  private var seen: Set<[UInt8]> = []
  private var queue = FanOutQueue()
  private var admitted = 0
  private let root: FanOutRun

  /// - Parameter resolve: the script that a target names, seen from the script that emitted it; nil where there is none.
  init(root: FanOutRun, limits: FanOutLimits, resolve: @escaping (_ target: String, _ emitter: String) -> String?) {
    self.root = root
    self.limits = limits
    self.resolve = resolve
    queue.add(root, due: nil)
  }

  /// True while there is something to start, now or later.
  var hasWork: Bool { !queue.isEmpty }
  /// When the next of what is delayed may start.
  var nextDue: ContinuousClock.Instant? { queue.nextDue }

  mutating func takeNext(now: ContinuousClock.Instant) -> FanOutRun? {
    guard let run = queue.takeNext(now: now) else { return nil }
    if run != root { counts.started += 1 }
    return run
  }

  mutating func add(
    _ work: DerivedWork, from emitter: FanOutRun, now: ContinuousClock.Instant, runID: () -> String
  ) -> Verdict {
    let verdict = judge(work, from: emitter, now: now, runID: runID)
    switch verdict {
    case .admitted: admitted += 1
    case .duplicate: counts.duplicates += 1
    case .beyondDepth: counts.beyondDepth += 1
    case .beyondMaxRuns: counts.beyondMaxRuns += 1
    case .unresolved: counts.unresolved += 1
    case .rejected: counts.rejected += 1
    }
    return verdict
  }

  private mutating func judge(
    _ work: DerivedWork, from emitter: FanOutRun, now: ContinuousClock.Instant, runID: () -> String
  ) -> Verdict {
    guard emitter.depth < limits.depth else { return .beyondDepth }
    let params = Self.canonical(work.params)
    let key =
      work.options.dedupKey.map { Array($0.utf8) } ?? Fingerprint.of(target: work.target, canonicalParams: params)
    guard !seen.contains(key) else { return .duplicate }
    if let flaw = Self.flaw(in: work) { return .rejected(flaw) }
    guard let script = resolve(work.target, emitter.script) else { return .unresolved }
    if script == root.script, params == Self.canonical(root.params) { return .duplicate }
    guard admitted < limits.maxRuns else { return .beyondMaxRuns }
    seen.insert(key)
    let delay = work.options.delayMilliseconds.flatMap { $0 > 0 ? now + .milliseconds($0) : nil }
    queue.add(
      FanOutRun(
        script: script, params: work.params, runID: runID(), depth: emitter.depth + 1, parentRunID: emitter.runID,
        source: work.source, category: work.category, lane: work.options.lane,
        timeout: work.options.timeoutMilliseconds.map { .milliseconds($0) }), due: delay)
    return .admitted
  }

  mutating func noteEnd(of run: FanOutRun, _ end: FanOutEnd) {
    counts.rejected += end.enqueuesRejected
    if run != root { counts.byOutcome[end.outcome, default: 0] += 1 }
  }

  /// Forgets what was not started.
  mutating func abandonReady() {
    counts.abandoned += queue.count
    queue.removeAll()
  }

  private static func flaw(in work: DerivedWork) -> String? {
    do throws(QuarryError) {
      if let source = work.source { try RunPartition.validateSource(source) }
      if let category = work.category { try RunPartition.validate(category, as: "category") }
      return nil
    } catch {
      return error.message
    }
  }

  private static func canonical(_ params: String) -> String {
    // Parameters come from the frame transcoder and are JSON; were they not, the text itself is the identity.
    (try? JSONParser.parse(params))?.canonicalText ?? params
  }
}
