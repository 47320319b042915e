import QuarryCore

/// Whether what went wrong with its runs keeps a worker from claiming: 1 s · 2ⁿ up to 60 s, then one run on probation; its
/// acceptance lifts the pause.
package struct ClaimPause: Sendable, Equatable {
  private enum Phase: Sendable, Equatable { case none, paused, probation }
  private var phase = Phase.none
  private var refusals = 0
  /// Of the last pause.
  private(set) var cause = TaskResult.FailureKind.storage
  private(set) var reason = ""

  package init() {}

  package var allowsClaims: Bool { phase != .paused }
  package var isOnProbation: Bool { phase == .probation }

  /// - Returns: how long to pause; nil while a pause is under way.
  package mutating func begin(because cause: TaskResult.FailureKind, _ reason: String) -> Duration? {
    guard phase != .paused else { return nil }
    self.cause = cause
    self.reason = reason
    phase = .paused
    refusals = min(refusals + 1, 7)
    return min(.seconds(1 << (refusals - 1)), .seconds(60))
  }

  package mutating func isOver() { if phase == .paused { phase = .probation } }

  /// What had gone wrong goes well again.
  /// - Returns: whether that ended a pause.
  package mutating func end() -> Bool {
    defer {
      phase = .none
      refusals = 0
    }
    return phase != .none
  }
}
