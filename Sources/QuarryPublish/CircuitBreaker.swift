import QuarryCore
import Synchronization

/// Keeps calls away from what keeps failing. After some failures in a row it opens: calls are spared for a while, then
/// one is let through, and its end decides. Each further failure doubles the while. From any thread.
package final class CircuitBreaker: Sendable {
  private struct State {
    var failures = 0
    var opens = 0
    var closedAgainAt: ContinuousClock.Instant?
    var isProbing = false
  }

  private let threshold: Int
  private let pause: Duration
  private let longestPause: Duration
  private let now: @Sendable () -> ContinuousClock.Instant
  private let state = Mutex(State())

  /// - Parameters:
  ///   - threshold: failures in a row that open it.
  ///   - pause: how long it is open at first.
  package init(
    threshold: Int, pause: Duration, longestPause: Duration = .seconds(60),
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.threshold = threshold
    self.pause = pause
    self.longestPause = longestPause
    self.now = now
  }

  /// Whether to call. After true exactly one of `succeeded` and `failed` must follow.
  package func allows() -> Bool {
    state.withLock { state in
      guard let until = state.closedAgainAt else { return true }
      guard now() >= until, !state.isProbing else { return false }
      state.isProbing = true
      return true
    }
  }

  /// True while calls are spared, or while only one is let through.
  package var isOpen: Bool { state.withLock { $0.closedAgainAt != nil } }

  package func succeeded() { state.withLock { $0 = State() } }

  /// - Parameter isOutage: opens it at once, however many came before.
  package func failed(isOutage: Bool = false) {
    state.withLock { state in
      let wasOpen = state.closedAgainAt != nil
      // Calls that began before it opened say nothing new, and must not make the pause longer.
      guard !wasOpen || state.isProbing else { return }
      state.failures += 1
      state.isProbing = false
      guard isOutage || wasOpen || state.failures >= threshold else { return }
      state.closedAgainAt = now() + min(longestPause, pause * (1 << min(state.opens, 16)))
      state.opens += 1
    }
  }
}
