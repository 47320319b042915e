import Foundation
import QuarryCore
import Synchronization

/// Runs a script and the work that it derives, in this process: a free slot takes whatever is ready.
package final class FanOut: Sendable {
  /// Executes one run to its end. Called on a thread of its own; may block. `onStored` is for a run that is in storage
  /// while others are still to be told of it.
  package typealias Execute =
    @Sendable (
      FanOutRun, any DerivedWorkSink, RunControl, _ onStored: @Sendable (Outcome) -> Void
    ) -> FanOutEnd

  private struct State {
    var plan: FanOutPlan
    var running: [String: RunControl] = [:]
    /// Those of `running` that are in storage.
    var stored: Set<String> = []
    var interrupts = 0
    var hasStoppedARun = false
    var rootOutcome: Outcome?
    /// Targets without a script that were told of.
    var missing: Set<String> = []

    var isOver: Bool { running.isEmpty && !plan.hasWork }
    var isStored: Bool { running.count == stored.count && !plan.hasWork }

    /// What the whole came to: the root's outcome, or that of a stopped run when an interrupt has cut the rest short.
    var outcome: Outcome {
      let root = rootOutcome ?? .executorCrash
      let isCutShort = interrupts > 0 && (plan.counts.abandoned > 0 || hasStoppedARun)
      return isCutShort && root == .success ? .executorCrash : root
    }

    mutating func noteStored(_ run: FanOutRun, _ outcome: Outcome, _ control: RunControl) {
      guard stored.insert(run.runID).inserted else { return }
      if run.depth == 0 { rootOutcome = outcome }
      if outcome == .executorCrash, control.stopReason == .shutdown { hasStoppedARun = true }
    }
  }

  private let state: Mutex<State>
  private let limits: FanOutLimits
  private let onNote: @Sendable (String) -> Void
  private let execute: Execute
  private let changed = Condition()

  /// - Parameters:
  ///   - workingDirectory: where a target is looked for when it is not beside the script that emitted it.
  ///   - onNote: told of work that was rejected, and why; from any thread.
  package init(
    root: FanOutRun, limits: FanOutLimits, workingDirectory: String,
    onNote: @escaping @Sendable (String) -> Void = { _ in }, execute: @escaping Execute
  ) {
    let resolver = TargetResolver(rootScript: root.script, workingDirectory: workingDirectory)
    state = Mutex(
      State(plan: FanOutPlan(root: root, limits: limits, resolve: { resolver.script(named: $0, from: $1) })))
    self.limits = limits
    self.onNote = onNote
    self.execute = execute
  }

  /// Blocks until the last run has ended.
  /// - Returns: the root's outcome, or that of a stopped run when an interrupt has cut the rest short; and what became
  ///   of the children.
  package func run() -> (outcome: Outcome, children: FanOutCounts) {
    changed.wait {
      self.startWhatFits()
    } orUntil: {
      self.state.withLock { $0.plan.nextDue }
    }
    return state.withLock { ($0.outcome, $0.plan.counts) }
  }

  /// What `run` will answer, known from when all runs are in storage, though others may still be told of them.
  package var storedOutcome: Outcome? { state.withLock { $0.isStored ? $0.outcome : nil } }

  /// The first interrupt starts nothing new and lets runs end; a further one stops them.
  package func interrupt() {
    let toStop = state.withLock { state in
      state.interrupts += 1
      state.plan.abandonReady()
      return state.interrupts > 1 ? Array(state.running.values) : []
    }
    for control in toStop { control.stop(.shutdown) }
    changed.signal()
  }

  package var counts: FanOutCounts { state.withLock { $0.plan.counts } }

  /// Answers whether all is over.
  private func startWhatFits() -> Bool {
    while let (run, control) = state.withLock({ takeNext(&$0) }) {
      OwnThread.start { self.carryOut(run, control) }
    }
    return state.withLock { $0.isOver }
  }

  private func takeNext(_ state: inout State) -> (FanOutRun, RunControl)? {
    guard state.running.count < limits.runsAtOnce, let run = state.plan.takeNext(now: .now) else { return nil }
    let control = RunControl()
    state.running[run.runID] = control
    return (run, control)
  }

  private func carryOut(_ run: FanOutRun, _ control: RunControl) {
    let end = execute(run, Emissions(of: run, to: self), control) { outcome in
      state.withLock { $0.noteStored(run, outcome, control) }
    }
    state.withLock { state in
      state.noteStored(run, end.outcome, control)
      state.running[run.runID] = nil
      state.stored.remove(run.runID)
      state.plan.noteEnd(of: run, end)
    }
    changed.signal()
  }

  private func add(_ work: DerivedWork, from run: FanOutRun) {
    let runID = UUIDv7.make()
    let verdict = state.withLock { state in
      defer { if state.interrupts > 0 { state.plan.abandonReady() } }
      return state.plan.add(work, from: run, now: .now, runID: { runID })
    }
    switch verdict {
    case .admitted: changed.signal()
    case .rejected(let flaw):
      onNote("child run \(runID) of '\(work.target)', enqueued by run \(run.runID), is rejected: \(flaw)")
    case .unresolved: tellMissing(work.target, run)
    case .duplicate, .beyondDepth, .beyondMaxRuns: break
    }
  }

  /// Once for each target: a crawl may name one a thousand times.
  private func tellMissing(_ target: String, _ run: FanOutRun) {
    guard state.withLock({ $0.missing.insert(target).inserted }) else { return }
    onNote(
      "'\(target)', enqueued by run \(run.runID), is no script beside the one that enqueues it or in the working "
        + "directory, or lies outside of the root script's folder and the working directory: it is not run")
  }

  /// What one run enqueues.
  private struct Emissions: DerivedWorkSink {
    let run: FanOutRun
    let fanOut: FanOut

    init(of run: FanOutRun, to fanOut: FanOut) {
      self.run = run
      self.fanOut = fanOut
    }

    func accept(_ work: DerivedWork) { fanOut.add(work, from: run) }
  }
}

/// A wake-up that is not lost when nobody waits yet.
private final class Condition: Sendable {
  private let condition = NSCondition()
  private let isSet = Mutex(false)

  func signal() {
    condition.withLock {
      isSet.withLock { $0 = true }
      condition.signal()
    }
  }

  /// Calls `body` at once, after each signal, and at each time that `due` then answers, until it answers true.
  func wait(until body: () -> Bool, orUntil due: () -> ContinuousClock.Instant?) {
    while !body() {
      let end = due().map { Date(timeIntervalSinceNow: Self.seconds(until: $0)) }
      condition.withLock {
        while !isSet.withLock({ $0 }), pause(until: end) {}
        isSet.withLock { $0 = false }
      }
    }
  }

  /// Answers false when the time has come.
  private func pause(until end: Date?) -> Bool {
    guard let end else {
      condition.wait()
      return true
    }
    return condition.wait(until: end)
  }

  /// Rounded up to whole milliseconds.
  private static func seconds(until time: ContinuousClock.Instant) -> Double {
    Double(max(0, ContinuousClock.now.duration(to: time).milliseconds) + 1) / 1_000
  }
}
