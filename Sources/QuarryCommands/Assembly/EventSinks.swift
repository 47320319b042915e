import Dispatch
import QuarryCore
import QuarryFleet
import QuarryLode
import QuarryPublish
import Synchronization

/// Makes the event sinks of this process' runs; they share one connection and one memory of what fails.
package struct EventSinks: Sendable {
  private let settings: EventSinkSettings
  private let stream: StreamPublisher?
  private let storageBreaker = CircuitBreaker(threshold: 3, pause: .seconds(5))
  private let provisional = Provisional()

  package init(_ settings: EventSinkSettings) {
    self.settings = settings
    stream = settings.stream.map { StreamPublisher($0) }
  }

  /// - Parameters:
  ///   - lode: where artifacts and metrics go in any case.
  ///   - warn: told once for each sink that loses events.
  package func sink(
    for partition: RunPartition, lode: any EventSink, warn: @escaping @Sendable (String) -> Void
  ) -> any EventSink {
    guard stream != nil || settings.lode != .mandatory else { return lode }
    let storage = RunSinks.Storage(
      takesEvents: settings.lode != nil, delivery: settings.lode ?? .mandatory, breaker: storageBreaker)
    return RunSinks(lode: lode, storage: storage, stream: stream.map { StreamSink($0, warn: warn) }, warn: warn)
  }

  /// For a fleet: the run of a task has ended, and whether it counts is not known yet.
  package func ended(_ task: TaskAssignment, in partition: RunPartition, figures: [SinkFigures]) {
    guard figures.contains(where: { $0.name == "redis" && ($0.eventsWritten > 0 || $0.mayHaveMore) }) else { return }
    provisional.runs.withLock { $0[task.runID] = partition }
  }

  /// For a fleet: it is known now. Does not block.
  package func settle(_ notice: WorkerNotice, warn: @escaping @Sendable (String) -> Void) {
    switch notice {
    case .runAccepted(let task, _): provisional.take(task)
    case .runFailed(let task, let kind, let reason, _):
      // A run that the script or the site ended is an attempt of its own; one of the others is as if it had not been.
      if [.app, .blocked, .unrunnable].contains(kind) { provisional.take(task) } else { supersede(task, reason, warn) }
    case .runSuperseded(let task, let reason): supersede(task, reason, warn)
    default: break
    }
  }

  private func supersede(_ task: TaskAssignment, _ reason: String, _ warn: @escaping @Sendable (String) -> Void) {
    guard let partition = provisional.take(task), let stream else { return }
    provisional.sending.enter()
    OwnThread.start { [provisional] in
      if let failure = stream.supersede(task, partition: partition, reason: reason) {
        warn("the stream still shows run \(task.runID), which does not count: \(failure)")
      }
      provisional.sending.leave()
    }
  }

  /// The process ends. Returns when all that was to be said is said, or could not be: a stream that hangs is waited for no
  /// longer than two seconds, whatever its time limit is.
  package func finish() async {
    stream?.endWaiting(within: .milliseconds(500))
    await OwnThread.run { [provisional] in provisional.sending.wait() }
  }

  /// Runs whose entries are in the stream and may still turn out not to count.
  private final class Provisional: Sendable {
    let runs = Mutex<[String: RunPartition]>([:])
    let sending = DispatchGroup()

    @discardableResult
    func take(_ task: TaskAssignment) -> RunPartition? { runs.withLock { $0.removeValue(forKey: task.runID) } }
  }
}
