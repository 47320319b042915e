import QuarryCore
import QuarryLode
import QuarryPublish
import QuarryRuntime

/// Tells the configured adapter of runs of this process.
struct RunNotifications: Sendable {
  private let notifier: Notifier
  private let dataset: LodeDataset

  init(_ settings: AdapterSettings, dataset: LodeDataset, warn: @escaping @Sendable (String) -> Void)
    throws(QuarryError)
  {
    self.dataset = dataset
    notifier = Notifier(
      adapter: try settings.adapter(), retries: settings.retries, outbox: dataset.outbox,
      keepsPending: settings.keepsPending, warn: warn)
  }

  /// To be called once for a run that is over, all of which is in storage. Blocks the calling thread.
  /// - Parameters:
  ///   - control: the run's, which is told when the process shall end.
  ///   - onTry: told before each try what holds if the end of the process cuts it short.
  func tell(
    _ report: RunReport, in partition: RunPartition, control: RunControl, onTry: (NotificationFigures) -> Void
  ) -> NotificationFigures? {
    guard !report.isSuperseded else { return nil }
    let completed = RunCompleted(
      runID: partition.runID, source: partition.source, category: partition.category, day: partition.day,
      outcome: report.outcome, storagePath: dataset.storagePath(of: partition), timestamp: .now(),
      jobID: report.identity.jobID, attempt: report.identity.attempt, eventCount: report.figures.eventsReceived,
      durationMilliseconds: report.duration.milliseconds)
    let entry = OutboxEntry(
      adapter: notifier.adapter.name, partition: partition, task: report.identity.task, json: completed.json)
    onTry(cutShort(NotificationFigures(adapter: notifier.adapter.name)))
    return notifier.notify(entry, isHurried: { control.stopReason == .shutdown }) { onTry(cutShort($0)) }
  }

  private func cutShort(_ figures: NotificationFigures) -> NotificationFigures {
    var figures = figures
    figures.error = "cut short by the end of this process"
    return figures
  }
}

/// A run that is ready to begin, and what follows it.
struct AssembledRun: Sendable {
  let orchestrator: RunOrchestrator
  let partition: RunPartition
  let notifications: RunNotifications?

  /// Blocks the calling thread until the run is over and whoever wants to know has been told.
  /// - Parameter onStored: called when the run is over and in storage, and again before each try to tell others, with the
  ///   report that holds if the process ends then.
  /// - Throws: `QuarryError` when the run could not begin; then nothing was written and nobody is told.
  func execute(
    control: RunControl, onStored: @Sendable (RunReport) -> Void = { _ in }
  ) throws(QuarryError) -> RunReport {
    var report = try orchestrator.execute(control: control)
    onStored(report)
    report.notification = notifications?.tell(report, in: partition, control: control) { [report] figures in
      var report = report
      report.notification = figures
      onStored(report)
    }
    return report
  }

  /// The same on a thread of its own.
  func run(
    control: RunControl, onStored: @escaping @Sendable (RunReport) -> Void
  ) async throws(QuarryError) -> RunReport {
    let result = await OwnThread.run { () -> Result<RunReport, QuarryError> in
      do throws(QuarryError) { return .success(try execute(control: control, onStored: onStored)) } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
