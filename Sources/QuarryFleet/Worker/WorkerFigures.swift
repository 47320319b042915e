import Synchronization

/// What a worker counts of itself while it works, for whoever watches it from any thread.
package final class WorkerFigures: Sendable {
  package struct Values: Sendable, Equatable {
    /// Tasks that it was handed.
    package var claims = 0
    /// Runs that hold a slot.
    package var held = 0
    /// Ends that are not in the ledger yet.
    package var unsettled = 0
    /// On the boot-time clock, in nanoseconds: when the last renewal that Redis answered was sent.
    package var renewedAt: UInt64?
    package var timing = LeaseTiming()
    /// Why it claims nothing, when it does not.
    package var hindrance: Hindrance?
  }

  /// What keeps a worker from claiming.
  package enum Hindrance: String, Sendable, CaseIterable {
    /// Somebody paused the fleet or this worker.
    case held
    /// Storage refuses what runs write.
    case storage
    /// It lacks what runs need, a browser or an executor.
    case worker
    /// Its executors crash one after another.
    case crash
    /// It holds more memory than it may.
    case memory
    /// It is told to end, or has come to its end.
    case ending
  }
  private let values = Mutex(Values())

  package init() {}

  package var current: Values { values.withLock { $0 } }

  /// - Parameter claims: tasks that it was handed since the last time.
  func note(_ state: WorkerState, claims: Int, renewedAt: UInt64?) {
    values.withLock { values in
      values.claims += claims
      values.held = state.held.count
      values.unsettled = state.unsettled
      values.renewedAt = renewedAt ?? values.renewedAt
      values.timing = state.timing
      values.hindrance = state.hindrance
    }
  }
}
