import Glibc
import QuarryCore
import QuarryWire

/// The outcome of a run and the sentence that explains it, from the facts.
struct RunVerdict: Equatable {
  var outcome: Outcome
  var message: String

  /// What is known once the run is over and the policy has had its last flush.
  struct Facts {
    var end: ProcessEnd
    var intervention: RunLoop.Intervention?
    var terminal: TerminalEvent?
    var runResult: RunResultFrame?
    /// What ended the reading early.
    var failure: IngestionFailure?
    /// `end` is the executor's own, not a consequence of the failure.
    var failedAtEnd = false
    /// The failure came when the process had been told to end.
    var failedAfterStop = false
    /// What the last flush said.
    var flushFailure: IngestionFailure?
    var lastErrorLine: String?
    var timeout: Duration?
    var exitGrace: Duration = .zero
  }

  private init(_ outcome: Outcome, _ message: String) {
    self.outcome = outcome
    self.message = message
  }

  init(_ facts: Facts) {
    let verdict = Self.ofExecutor(facts)
    guard let flush = facts.flushFailure, verdict.outcome != .policyFailure else {
      self = verdict
      return
    }
    switch verdict.outcome {
    case .success, .scriptError: self.init(.policyFailure, flush.message)
    default: self.init(verdict.outcome, verdict.message + "; then the last flush failed: " + flush.message)
    }
  }

  private static func ofExecutor(_ facts: Facts) -> RunVerdict {
    if facts.intervention == .stopped(.leaseLost) || facts.end == .deadline {
      return RunVerdict(.executorCrash, "the lease was lost: the executor was killed and nothing more was written")
    }
    if let failure = facts.failure, !(facts.failedAfterStop && failure.kind == .policy) {
      let end = facts.failedAtEnd && facts.intervention == nil ? "; the executor \(facts.end)" : ""
      return RunVerdict(failure.outcome, failure.message + end)
    }
    switch (facts.end, facts.terminal) {
    case (.exited(0), .complete?): return RunVerdict(.success, "completed")
    case (.exited(1), .error(let type, let message, _, _)?): return RunVerdict(.scriptError, "\(type): \(message)")
    default: return RunVerdict(.executorCrash, crashMessage(facts))
    }
  }

  private static func crashMessage(_ facts: Facts) -> String {
    switch facts.intervention {
    case .stopped(.timeout)?:
      return "the run took longer than " + (facts.timeout.map { "its timeout of \($0.shortText)" } ?? "it may")
    case .stopped(.shutdown)?: return "stopped before its end"
    case .stopped(.cancelled)?: return "cancelled"
    case .overstayed?: return "the executor did not exit within \(facts.exitGrace.shortText) of its last event"
    case .deaf?: return "the executor does not read the acknowledgements of its file writes"
    case .stopped(.leaseLost)?, nil: break
    }
    let end = "the executor \(facts.end)" + missingTerminal(facts)
    // Whoever is killed had no time to say why.
    let lastWords = facts.end == .signalled(SIGKILL) ? nil : facts.lastErrorLine
    guard let reason = facts.runResult?.message ?? lastWords else { return end }
    return "\(end): \(reason)"
  }

  private static func missingTerminal(_ facts: Facts) -> String {
    switch (facts.end, facts.terminal) {
    case (.exited(0), nil): " without run_complete"
    case (.exited(1), nil): " without run_error"
    case (.exited(0), .error?): " after run_error"
    case (.exited(1), .complete?): " after run_complete"
    default: ""
    }
  }

  /// What the executor said of itself, when its exit code says otherwise.
  static func disagreement(_ facts: Facts) -> String? {
    guard let claimed = facts.runResult?.status, facts.intervention == nil, facts.failure == nil else { return nil }
    let said: Bool =
      switch (facts.end, claimed) {
      case (.exited(0), .completed), (.exited(1), .error), (.exited(2), .crash), (.exited(3), .crash): true
      default: false
      }
    return said ? nil : "run_result says \(claimed.rawValue), but the executor \(facts.end); the exit code counts"
  }
}

extension Duration {
  /// `500ms`, `1.5s`, `90s`.
  var shortText: String {
    let milliseconds = milliseconds
    if milliseconds < 1_000 { return "\(milliseconds)ms" }
    if milliseconds % 1_000 == 0 { return "\(milliseconds / 1_000)s" }
    return "\(Double(milliseconds) / 1_000)s"
  }
}
