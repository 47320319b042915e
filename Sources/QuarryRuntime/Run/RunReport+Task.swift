import QuarryCore

extension RunReport {
  /// The run's end in the terms of a fleet.
  /// - Parameter storagePath: of the run's partition, as notifications name it.
  package func taskResult(partition: RunPartition, storagePath: String) -> TaskResult {
    let figures = RunFigures(
      outcome: outcome, eventCount: self.figures.eventsReceived, itemCount: self.figures.items,
      enqueuesRejected: self.figures.enqueuesRejected, durationMilliseconds: duration.milliseconds,
      storagePath: storagePath, day: partition.day)
    if let metricsFailure, outcome == .success {
      return .failed(.storage, reason: "the metrics record: \(metricsFailure.message)", figures)
    }
    guard let kind = failureKind else { return .accepted(figures) }
    return .failed(kind, reason: message, figures)
  }

  private var failureKind: TaskResult.FailureKind? {
    switch outcome {
    case .success: isSuperseded ? .release : nil
    case .scriptError: wasBlocked ? .blocked : .app
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

  /// The site refused: the script says so, or the last answer it got was a refusal. One that it got over is none.
  private var wasBlocked: Bool {
    if case .error("blocked", _, _, _)? = terminal { return true }
    let last = runResult?.hosts.last { $0.status != nil }?.status
    return [429, 403, 503].contains(last ?? 0)
  }
}
