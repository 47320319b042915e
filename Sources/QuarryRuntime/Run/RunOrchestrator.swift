import Glibc
import QuarryCore

/// One run, from its configuration to its report: the executor under its shepherd, the ingestion of what it sends, the
/// last flush and the metrics record.
package struct RunOrchestrator: Sendable {
  private let configuration: RunConfiguration
  private let sink: any EventSink
  private let derived: (any DerivedWorkSink)?
  private let executors: ExecutorPool?
  private let observer: RunObserver

  /// - Parameters:
  ///   - derived: takes what the script enqueues; nil leaves `enqueue` advisory.
  ///   - executors: lends the executor; nil starts one for this run.
  package init(
    _ configuration: RunConfiguration, sink: any EventSink, derived: (any DerivedWorkSink)? = nil,
    executors: ExecutorPool? = nil, observer: RunObserver = RunObserver()
  ) {
    self.configuration = configuration
    self.sink = sink
    self.derived = derived
    self.executors = executors
    self.observer = observer
  }

  /// The same as `execute(control:)`, on a thread of its own.
  package func run(control: RunControl = RunControl()) async throws(QuarryError) -> RunReport {
    let result = await OwnThread.run { () -> Result<RunReport, QuarryError> in
      do throws(QuarryError) { return .success(try execute(control: control)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// Blocks the calling thread until the run is over and its executor and all that it started are dead.
  /// - Throws: `QuarryError` when the run could not begin; then nothing was written.
  package func execute(control: RunControl = RunControl()) throws(QuarryError) -> RunReport {
    Self.ignoreBrokenPipes
    let started = ContinuousClock.now
    let request = try ExecutorRequest.line(for: configuration, namesScript: executors != nil)
    try configuration.executor.check()
    control.whenStopped { [sink] reason in
      if reason == .shutdown { sink.endWaiting(within: Self.stopLimit) }
    }
    let lent = try lend(until: control.deadline)
    let process = if let lent { lent.process } else { try startedForThisRun(deadline: control.deadline) }
    let ingestion = StreamIngestion(
      identity: configuration.identity, partition: configuration.partition, policy: configuration.policy, sink: sink,
      derived: derived, artifactLimit: configuration.artifactLimit,
      checksumsChunks: configuration.checksumsChunks, runsAtOnce: configuration.runsAtOnce,
      onStart: { control.markStarted() }, onNote: observer.onNote,
      onLoss: observer.onLoss, onLog: observer.onLog,
      onRotation: { [observer, proxy = configuration.proxy] wish in
        if let proxy { observer.onRotation?(wish, proxy) }
      })
    let loop = RunLoop(
      process: process, serving: executors?.isolation, ingestion: ingestion,
      control: control, request: request, configuration: configuration,
      onStandardError: observer.onStandardError)
    let end = loop.run()
    // One that serves others is given on before the last flush; one that dies with its run does so meanwhile.
    if !diesWithItsRun { giveBack(lent, loop, ingestion, end, control) }
    defer { if diesWithItsRun { giveBack(lent, loop, ingestion, end, control) } }
    if !ingestion.hasStarted, let reason = launchFailure(end, loop) {
      ingestion.abandon()
      throw configuration.executor.unusable(reason)
    }
    return conclude(loop, ingestion, end, control, since: started)
  }

  /// Whether the executor serves this run alone, and ends by itself once it has said how the run ended.
  private var diesWithItsRun: Bool { executors?.isolation == .process }

  private func startedForThisRun(deadline: UInt64?) throws(QuarryError) -> ShepherdedProcess {
    try ShepherdedProcess(
      configuration.executor.command([configuration.script]), shepherd: configuration.executor.shepherd,
      deadline: deadline)
  }

  private func lend(until deadline: UInt64?) throws(QuarryError) -> ServingExecutor? {
    guard let executor = try executors?.lend() else { return nil }
    executor.process.deadlines.move(to: deadline)
    return executor
  }

  private func giveBack(
    _ executor: ServingExecutor?, _ loop: RunLoop, _ ingestion: StreamIngestion, _ end: ProcessEnd,
    _ control: RunControl
  ) {
    guard let executor else { return }
    executors?.takeBack(
      executor, script: configuration.script, end: ingestion.runEnd,
      isClean: end == .exited(0) && loop.pipesAreClear, deadline: control.deadline)
  }

  /// Why no executor ever ran: it could not be started, or what it starts in its turn (Node) could not.
  private func launchFailure(_ end: ProcessEnd, _ loop: RunLoop) -> String? {
    switch end {
    case .failedToStart(let code): errorText(code)
    case .exited(126), .exited(127): loop.errors.lastLine ?? "it \(end)"
    default: nil
    }
  }

  private func conclude(
    _ loop: RunLoop, _ ingestion: StreamIngestion, _ end: ProcessEnd, _ control: RunControl,
    since started: ContinuousClock.Instant
  ) -> RunReport {
    let isSuperseded = loop.mustForget || end == .deadline || control.stopReason == .leaseLost
    var facts = facts(loop, ingestion, end)
    var stored: RunMetrics?
    if isSuperseded {
      ingestion.abandon()
    } else {
      let expected = RunVerdict(facts)
      do throws(IngestionFailure) { stored = try lastFlush(of: ingestion, expecting: expected) } catch {
        facts.flushFailure = error
      }
    }
    let verdict = RunVerdict(facts)
    if let note = RunVerdict.disagreement(facts) { observer.onNote(note) }
    var report = RunReport(
      identity: configuration.identity, outcome: verdict.outcome, message: verdict.message,
      isSuperseded: isSuperseded, stopReason: loop.stopReason ?? control.stopReason, hasStarted: ingestion.hasStarted,
      duration: ContinuousClock.now - started, policy: configuration.policy.name.rawValue, end: end,
      failure: loop.failure,
      terminal: ingestion.terminal,
      runResult: ingestion.runResult, metrics: stored ?? metrics(of: verdict, ingestion, ingestion.figures),
      figures: ingestion.figures, standardError: loop.errors.text)
    report.flushFailure = facts.flushFailure
    report.proxy = configuration.proxy
    report.rotation = ingestion.rotation
    if !isSuperseded, stored == nil { report.metricsFailure = write(report.metrics) }
    if diesWithItsRun, !isSuperseded {
      if !loop.awaitDeath() {
        observer.onNote(
          "the executor was killed: it did not exit within \(configuration.exitGrace.shortText) of its run")
      }
      report.standardError = loop.errors.text
    }
    return report
  }

  private func facts(_ loop: RunLoop, _ ingestion: StreamIngestion, _ end: ProcessEnd) -> RunVerdict.Facts {
    RunVerdict.Facts(
      end: end, intervention: loop.intervention, terminal: ingestion.terminal, runResult: ingestion.runResult,
      failure: loop.failure, failedAtEnd: loop.failedAtEnd,
      failedAfterStop: loop.failedAfterStop, lastErrorLine: loop.errors.lastLine,
      timeout: configuration.timeout,
      exitGrace: configuration.exitGrace)
  }

  /// - Parameter verdict: of the run, if this succeeds.
  /// - Returns: the metrics record, when it went with what was left.
  private func lastFlush(
    of ingestion: StreamIngestion, expecting verdict: RunVerdict
  ) throws(IngestionFailure) -> RunMetrics? {
    var closing: RunMetrics?
    let isStored = try ingestion.finish { figures, batch in
      let metrics = metrics(of: verdict, ingestion, figures)
      metrics.append(to: &batch)
      closing = metrics
    }
    return isStored ? closing : nil
  }

  private func metrics(
    of verdict: RunVerdict, _ ingestion: StreamIngestion, _ figures: IngestionFigures
  ) -> RunMetrics {
    var metrics = RunMetrics(
      policy: configuration.policy.name.rawValue, executor: configuration.executor.name,
      storageBackend: configuration.storageBackend, runID: configuration.identity.runID,
      jobID: configuration.identity.jobID, outcome: verdict.outcome, launched: true, figures: figures)
    if ![.success, .scriptError].contains(verdict.outcome) { metrics.error = verdict.message }
    metrics.proxy = configuration.proxy
    metrics.isRotationWanted = ingestion.rotation != nil
    metrics.hasFailedByProxy = configuration.proxy.map { ingestion.terminal?.blames($0) == true } ?? false
    return metrics
  }

  /// Best effort: the run's outcome stands whatever becomes of its metrics.
  private func write(_ metrics: RunMetrics) -> QuarryError? {
    var batch = RecordBatch(
      partition: configuration.partition, policy: configuration.policy.name.rawValue, task: configuration.identity.task)
    metrics.append(to: &batch)
    do throws(QuarryError) {
      try sink.write(batch)
      return nil
    } catch {
      observer.onLoss("the metrics record of run \(configuration.identity.runID) was not stored: \(error.message)")
      return error
    }
  }

  /// What sinks may still wait for others when the process has been told to end; the whole run has 5 s by then.
  private static let stopLimit = Duration.milliseconds(1_500)

  /// An executor that stops reading shows as an error of `write`, not as a signal that ends this process.
  private static let ignoreBrokenPipes: Void = { signal(SIGPIPE, SIG_IGN) }()
}
