import QuarryCore
import QuarryWire

/// What became of a run.
package struct RunReport: Sendable {
  package var identity: RunIdentity
  package var outcome: Outcome
  package var message: String
  /// True when the run's lease was lost: nothing was written after that, and nothing may be published for it.
  package var isSuperseded: Bool
  /// Why the run was stopped from outside or by its timeout, when it was.
  package var stopReason: RunControl.StopReason?
  /// False when the executor ended before its first frame.
  package var hasStarted: Bool
  package var duration: Duration
  package var policy: String
  package var end: ProcessEnd
  /// What ended the reading of events early.
  package var failure: IngestionFailure?
  /// Why not all that was read is stored as the policy promises, when it is not.
  package var flushFailure: IngestionFailure?
  package var terminal: TerminalEvent?
  package var runResult: RunResultFrame?
  package var metrics: RunMetrics
  /// The proxy that the run was given.
  package var proxy: RunProxy?
  /// The script asked for another one.
  package var rotation: RotationWish?
  package var figures: IngestionFigures
  /// Beginning and end of what the executor wrote to its standard error; empty when it wrote nothing.
  package var standardError: String
  /// Why the metrics record is not in storage, when it is not.
  package var metricsFailure: QuarryError?
  /// What became of its notification; nil without an adapter.
  package var notification: NotificationFigures?

  /// The proxy that the run failed by; one that the script wished to be rid of rests since it did.
  package var failedProxy: RunProxy? { rotation == nil && metrics.hasFailedByProxy ? proxy : nil }

  package var exitCode: Int32 { outcome.exitCode }

  /// The report as `--report` writes it: indented by two spaces, a newline at the end.
  package var jsonText: String { JSONValue.object(members).prettyText + "\n" }

  private var members: [String: JSONValue] {
    var members: [String: JSONValue] = [
      "run_id": .string(identity.runID), "attempt": .integer(Int64(identity.attempt)),
      "outcome": .string(outcome.rawValue), "message": .string(message), "exit_code": .integer(Int64(exitCode)),
      "duration_ms": .integer(duration.milliseconds), "event_count": .integer(Int64(figures.eventsReceived)),
      "enqueue_rejected": .integer(Int64(figures.enqueuesRejected)), "policy": policyMembers,
      "artifacts": artifactMembers,
      "metrics": .object(metricsMembers),
    ]
    members["adapter"] = notification?.reportMember
    members["job_id"] = identity.jobID.map { .string($0) }
    // The payload comes from the frame transcoder and is JSON.
    members["terminal_summary"] = terminal.flatMap { try? JSONParser.parse($0.payload) }
    members["proxy_used"] = proxyUsed
    members["proxy"] = proxy.map(proxyMembers)
    if !standardError.isEmpty { members["stderr"] = .string(standardError) }
    return members
  }

  /// The record's members, and what was counted after it was stored.
  private var metricsMembers: [String: JSONValue] {
    // The text was made here and is a JSON object.
    var members = (try? JSONParser.parse(metrics.jsonText))?.object ?? [:]
    guard let notification else { return members }
    members["adapter_publish_success_total"] = .integer(notification.isDelivered ? 1 : 0)
    members["adapter_publish_failure_total"] = .integer(notification.isDelivered ? 0 : 1)
    members["adapter_publish_retry_total"] = .integer(Int64(notification.retries))
    return members
  }

  /// As the executor says it; an executor that died before its result was given the run's.
  private var proxyUsed: JSONValue? {
    runResult.map { $0.proxyUsed?.reportMember } ?? (hasStarted ? proxy?.endpoint.redacted : nil)
  }

  private func proxyMembers(_ proxy: RunProxy) -> JSONValue {
    var members: [String: JSONValue] = [
      "pool": .string(proxy.pool), "strategy": .string(proxy.strategy.rawValue), "endpoint": .string(proxy.name),
      "rotate": .bool(rotation != nil),
    ]
    members["sticky_key"] = proxy.stickyKey.map { .string($0) }
    members["rotate_reason"] = rotation?.reason.map { .string($0) }
    return .object(members)
  }

  private var policyMembers: JSONValue {
    var members: [String: JSONValue] = [
      "name": .string(policy), "events_received": .integer(Int64(figures.eventsReceived)),
      "events_persisted": .integer(Int64(figures.eventsPersisted)),
      "events_dropped": .integer(Int64(figures.eventsDropped)),
    ]
    members["flush_triggers"] = figures.flushTriggers.map { triggers in
      [
        "count": .integer(Int64(triggers.count)), "interval": .integer(Int64(triggers.interval)),
        "termination": .integer(Int64(triggers.termination)), "capacity": .integer(Int64(triggers.capacity)),
      ]
    }
    return .object(members)
  }

  private var artifactMembers: JSONValue {
    let artifacts = figures.artifacts
    return [
      "total": .integer(Int64(artifacts.total)), "committed": .integer(Int64(artifacts.committed)),
      "orphaned": .integer(Int64(artifacts.orphaned)), "chunks": .integer(Int64(artifacts.chunks)),
      "bytes": .integer(artifacts.bytes),
    ]
  }
}

extension NotificationFigures {
  fileprivate var reportMember: JSONValue {
    var members: [String: JSONValue] = [
      "type": .string(adapter), "attempts": .integer(Int64(attempts)),
      "state": .string(isDelivered ? "delivered" : isPending ? "pending" : "failed"),
    ]
    members["error"] = error.map { .string($0) }
    return .object(members)
  }
}

extension ProxyUsed {
  fileprivate var reportMember: JSONValue {
    var members: [String: JSONValue] = [
      "protocol": .string(proxyProtocol), "host": .string(host), "port": .integer(port),
    ]
    members["username"] = username.map { .string($0) }
    return .object(members)
  }
}
