import QuarryCore
import Synchronization

/// Tells the worker, and through it the run, when a run's deadline has passed without a good renewal. The shepherd beside
/// the executor kills at the deadline by itself.
///
/// All runs share one timer, since most end long before their deadlines.
package final class DeadlineWatch: Sendable {
  private struct State {
    var runs: [String: RunControl] = [:]
    /// When somebody looks next, on the boot-time clock; nil while there is nothing to look at.
    var nextLook: UInt64?
  }
  private let state = Mutex(State())
  private let looks: AsyncStream<UInt64>
  private let order: AsyncStream<UInt64>.Continuation
  private let clock: FleetClock
  private let report: @Sendable (WorkerEvent) -> Void

  package init(clock: FleetClock, report: @escaping @Sendable (WorkerEvent) -> Void) {
    self.clock = clock
    self.report = report
    (looks, order) = AsyncStream.makeStream()
  }

  package func watch(_ runID: String, _ control: RunControl) {
    guard let deadline = control.deadline else { return }
    state.withLock { state in
      state.runs[runID] = control
      if deadline < state.nextLook ?? .max { look(next: deadline, &state) }
    }
  }

  package func forget(_ runID: String) { state.withLock { $0.runs[runID] = nil } }

  /// Until the surrounding task is cancelled.
  package func run() async {
    await withDiscardingTaskGroup { group in
      for await time in looks {
        group.addTask { [self] in
          let now = clock.boot()
          await clock.sleep(.nanoseconds(Int64(time > now ? time - now : 0)))
          look(at: time)
        }
      }
    }
  }

  private func look(next time: UInt64, _ state: inout State) {
    state.nextLook = time
    order.yield(time)
  }

  /// - Parameter time: what the timer was set for; one that an earlier deadline has replaced does nothing.
  private func look(at time: UInt64) {
    let now = clock.boot()
    let passed = state.withLock { state -> [String] in
      guard state.nextLook == time else { return [] }
      state.nextLook = nil
      let deadlines = state.runs.compactMapValues(\.deadline)
      let passed = deadlines.filter { $0.value <= now }.keys.sorted()
      for runID in passed { state.runs[runID] = nil }
      if let next = deadlines.values.filter({ $0 > now }).min() { look(next: next, &state) }
      return passed
    }
    for runID in passed { report(.entitlementLost(runID: runID, .leaseLost)) }
  }
}
