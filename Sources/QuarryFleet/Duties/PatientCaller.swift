import QuarryCore
import Synchronization

/// Asks Redis until it answers, so that an outage of any length needs no restart: waits 0.1–20 s between tries.
///
/// Every transition may be sent twice, since a repeat carries the same request id.
package struct PatientCaller: Sendable {
  private let clock: FleetClock
  private let watch: OutageWatch
  private let onLost: @Sendable (QuarryError) -> Void

  /// - Parameter onLost: called when trying again cannot help: Redis is not the one that this process joined, say.
  package init(clock: FleetClock, watch: OutageWatch, onLost: @escaping @Sendable (QuarryError) -> Void) {
    self.clock = clock
    self.watch = watch
    self.onLost = onLost
  }

  /// - Returns: the answer; nil when the calling task was cancelled or trying again cannot help.
  package func call<Answer: Sendable>(
    _ body: @Sendable () async throws(QuarryError) -> Answer
  ) async -> Answer? {
    var backoff = Backoff()
    while !Task.isCancelled {
      do throws(QuarryError) {
        let answer = try await body()
        watch.answered()
        return answer
      } catch {
        guard error.kind == .redis else {
          onLost(error)
          return nil
        }
        if Task.isCancelled { return nil }
        watch.failed(error)
      }
      await clock.sleep(backoff.next(draw: .random(in: 0..<1)))
    }
    return nil
  }
}

/// Tells once that Redis, or a ledger, is away and once that it is back, however many duties notice.
package final class OutageWatch: Sendable {
  private let failure = Mutex<String?>(nil)
  private let onChange: @Sendable (String?) -> Void

  /// - Parameter onChange: called with the error's text, then with nil when all is well again.
  package init(onChange: @escaping @Sendable (String?) -> Void) { self.onChange = onChange }

  /// - Parameter error: nil when it answers.
  func note(_ error: QuarryError?) {
    if let error { failed(error) } else { answered() }
  }

  func failed(_ error: QuarryError) {
    let isNew = failure.withLock { failure in
      defer { failure = failure ?? error.description }
      return failure == nil
    }
    if isNew { onChange(error.description) }
  }

  func answered() {
    let wasAway = failure.withLock { failure in
      defer { failure = nil }
      return failure != nil
    }
    if wasAway { onChange(nil) }
  }
}
