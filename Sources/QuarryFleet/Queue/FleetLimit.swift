/// A limit that holds from the moment at which it is set.
package enum FleetLimit: String, Sendable, CaseIterable {
  case lease, heartbeat
  case hostConcurrency, hostDelay, hostMaxPages, jobConcurrency, autoThrottle
  case maxRuns, runTimeout, attempts, retryBase, retryCap, crashes, crashBase, blocks, blockBase

  /// Its name in the hash of what it limits. A host's own limits go before those of the fleet.
  func field(of subject: ControlSubject) -> String {
    switch self {
    case .lease: "lease_ms"
    case .heartbeat: "heartbeat_ms"
    case .hostConcurrency: subject.isHost ? "slots" : "host_slots"
    case .hostDelay: subject.isHost ? "gap_ms" : "host_gap_ms"
    case .hostMaxPages: "host_max_pages"
    case .jobConcurrency: "concurrency"
    // 1 or 0.
    case .autoThrottle: "auto_throttle"
    case .maxRuns: "max_runs"
    case .runTimeout: "timeout_ms"
    case .attempts: "app_max"
    case .retryBase: "app_base_ms"
    case .retryCap: "app_cap_ms"
    case .crashes: "crash_max"
    case .crashBase: "crash_base_ms"
    case .blocks: "blocked_max"
    case .blockBase: "blocked_base_ms"
    }
  }
}

extension ControlSubject {
  fileprivate var isHost: Bool { if case .host = self { true } else { false } }
}
