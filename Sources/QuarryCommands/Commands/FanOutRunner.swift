import Glibc
import QuarryCore
import QuarryRuntime
import Synchronization

/// `quarry run` with fan-out: the root, and what it and its children enqueue, in this process.
final class FanOutRunner: Sendable {
  private let settings: RunSettings
  private let bounds: FanOutLimits
  private let assembly: RunAssembly
  private let narration: RunNarration
  private let workingDirectory: String
  private let browser: BrowserSource
  private let executors: ExecutorPool?
  private let rootReport = Mutex<Result<RunReport, QuarryError>?>(nil)

  init(
    settings: RunSettings, limits: FanOutOptions.Limits, assembly: RunAssembly, narration: RunNarration,
    workingDirectory: String
  ) throws(QuarryError) {
    self.settings = settings
    bounds = FanOutLimits(depth: limits.depth, maxRuns: limits.maximumRuns, parallel: limits.parallel)
    self.assembly = assembly
    self.narration = narration
    self.workingDirectory = workingDirectory
    browser = try BrowserSource(settings.executor, executor: assembly.executor) { narration.console.warn($0) }
    executors = WarmExecutors.pool(
      assembly.executor, settings.isolation, runsAtOnce: bounds.runsAtOnce,
      narration.isQuiet ? .silent : narration.console)
  }

  /// Runs everything to its end.
  /// - Returns: as exit code the root's, or that of a stopped run when a signal has cut the rest short.
  func run() async throws(QuarryError) -> RunEnd {
    let root = FanOutRun(script: settings.script, params: settings.job, runID: settings.identity.runID)
    let fanOut = FanOut(
      root: root, limits: bounds, workingDirectory: workingDirectory, onNote: narration.observer.onNote
    ) { [self] run, derived, control, onStored in carryOut(run, derived, control, onStored) }
    try SignalWatch.start { [self] signal, count in stop(fanOut, signal, count) }
    let (outcome, counts) = await OwnThread.run { [browser, executors] in
      defer {
        executors?.stop()
        browser.stop()
      }
      return fanOut.run()
    }
    tell(counts)
    guard let ended = rootReport.withLock({ $0 }) else {
      throw QuarryError(.executor, "stopped before the root run began")
    }
    return (try ended.get(), outcome.exitCode, counts)
  }

  /// Ctrl-C lets runs end, a second one stops them, a third ends at once. SIGTERM stops them at once, and so does the
  /// first Ctrl-C when all runs are in storage: there is nothing to lose. Then the second one ends at once, after its last
  /// words.
  private func stop(_ fanOut: FanOut, _ signal: Int32, _ count: Int) {
    let isStored = fanOut.storedOutcome != nil
    if count > 2 { _exit((fanOut.storedOutcome ?? .executorCrash).exitCode) }
    let isGentle = signal == SIGINT && count == 1 && !isStored
    fanOut.interrupt()
    guard !isGentle else {
      return narration.console.say("starting nothing more; runs in flight may end (Ctrl-C again stops them)")
    }
    fanOut.interrupt()
    StopLimit.start(settings, narration, isAtOnce: count == 2 && isStored) { [self] in
      guard let outcome = fanOut.storedOutcome, case .success(let report)? = rootReport.withLock({ $0 }) else {
        return nil
      }
      return (outcome.exitCode, report)
    }
  }

  private func carryOut(
    _ run: FanOutRun, _ derived: any DerivedWorkSink, _ control: RunControl,
    _ onStored: @Sendable (Outcome) -> Void
  ) -> FanOutEnd {
    do throws(QuarryError) {
      let report = try assembled(run, derived).execute(control: control) { report in
        if run.depth == 0 { rootReport.withLock { $0 = .success(report) } }
        onStored(report.outcome)
      }
      assembly.proxies.heed(report)
      if run.depth == 0 { rootReport.withLock { $0 = .success(report) } } else { tellChild(report) }
      return FanOutEnd(report.outcome, enqueuesRejected: report.figures.enqueuesRejected)
    } catch {
      if run.depth == 0 { rootReport.withLock { $0 = .failure(error) } } else { tellChild(run, error) }
      return FanOutEnd(.executorCrash)
    }
  }

  private func assembled(_ run: FanOutRun, _ derived: any DerivedWorkSink) throws(QuarryError) -> AssembledRun {
    let child = RunIdentity(
      runID: run.runID, jobID: settings.identity.jobID, parentRunID: run.parentRunID, depth: run.depth)
    return try assembly.run(
      run.depth == 0 ? settings.identity : child, source: run.source ?? settings.source,
      category: run.category ?? settings.category, script: run.script, job: run.params, derived: derived,
      executors: executors, browserEndpoint: try browser.endpoint(for: run.script),
      proxy: try assembly.proxies.choose(job: run.params), timeout: run.timeout, runsAtOnce: bounds.runsAtOnce,
      observer: narration.about(runID: run.runID).observer)
  }

  private func tellChild(_ report: RunReport) {
    guard report.outcome != .success else { return }
    narration.about(runID: report.identity.runID).console.say(
      "child run \(report.identity.runID) failed (\(report.outcome.rawValue)): \(report.message)", level: .warning)
  }

  private func tellChild(_ run: FanOutRun, _ error: QuarryError) {
    let child = "child run \(run.runID) of \(run.script), enqueued by run \(run.parentRunID ?? "")"
    narration.about(runID: run.runID).console.report(
      QuarryError(error.kind, "\(child), could not begin: \(error.message)", remedy: error.remedy))
  }

  private func tell(_ counts: FanOutCounts) {
    guard !narration.isQuiet else { return }
    let ended = counts.byOutcome.sorted { $0.key.rawValue < $1.key.rawValue }
      .map { "\($0.value) \($0.key.rawValue)" }
    let left = [
      ("duplicate", counts.duplicates), ("beyond --depth", counts.beyondDepth),
      ("beyond --max-runs", counts.beyondMaxRuns), ("without a script", counts.unresolved),
      ("rejected", counts.rejected),
      ("not started", counts.abandoned),
    ].filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
    let parts = ["\(counts.started) child run\(counts.started == 1 ? "" : "s")"] + ended + left
    narration.console.say(parts.joined(separator: ", "))
  }
}
