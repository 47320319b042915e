import QuarryCore

extension RunReport {
  /// The run's end in the terms of a fleet.
  /// - Parameter storagePath: of the run's partition, as notifications name it.
  package func taskResult(partition: RunPartition, storagePath: String) -> TaskResult {
    var figures = RunFigures(
      outcome: outcome, eventCount: self.figures.eventsReceived, itemCount: self.figures.items,
      enqueuesRejected: self.figures.enqueuesRejected, durationMilliseconds: duration.milliseconds,
      storagePath: storagePath, day: partition.day)
    figures.hosts = hostNotes(isBlocked: failureKind == .blocked && wasRefused)
    if let metricsFailure, outcome == .success {
      return .failed(.storage, reason: "the metrics record: \(metricsFailure.message)", figures)
    }
    guard let kind = failureKind else { return .accepted(figures) }
    return .failed(kind, reason: message, figures)
  }

  private var failureKind: TaskResult.FailureKind? {
    switch outcome {
    case .success: isSuperseded ? .release : nil
    // A script that asks for another proxy and gives up was refused by way of the one it had.
    case .scriptError: wasRefused || rotation != nil ? .blocked : .app
    case .policyFailure: .storage
    case .versionMismatch: .versionMismatch
    case .executorCrash: crashKind
    }
  }

  private var crashKind: TaskResult.FailureKind {
    switch stopReason {
    case .shutdown?, .leaseLost?, .cancelled?: .release
    case .timeout?: .app
    case nil where isSuperseded || failure?.kind == .derivedWork: .release
    case nil where isUnrunnable: .unrunnable
    // The task is not to blame for a worker without a browser.
    case nil where runResult?.errorType == "browser_error": .worker
    case nil: .crash
    }
  }

  /// The script could not be loaded, or the executor refused its request, which it does before its first frame: no
  /// further try would end otherwise.
  private var isUnrunnable: Bool {
    end == .exited(3) && !hasStarted || runResult?.errorType == "script_load_error"
  }
}
