import QuarryCore

/// Sends what waits in an outbox, one after the other. Blocking.
package struct OutboxDrain: Sendable {
  package enum State: String, Sendable {
    case delivered
    /// Tried, and still pending.
    case failed
    /// For another kind of adapter, or not tried because the ones before it all failed.
    case skipped
  }

  package struct Result: Sendable, Equatable {
    package let entry: OutboxEntry
    package let state: State
    package let attempts: Int
    package let error: String?
  }

  private let notifier: Notifier
  private let outbox: any NotificationOutbox
  private let warn: @Sendable (String) -> Void

  /// - Parameter retries: tries of each notification after the first.
  package init(
    adapter: any NotificationAdapter, retries: Int, outbox: any NotificationOutbox,
    warn: @escaping @Sendable (String) -> Void,
    sleep: @escaping @Sendable (Duration) -> Void = { OwnThread.block(for: $0) }
  ) {
    // It never closes again while this goes on: a receiver that is away is asked three times, not once for each.
    let breaker = CircuitBreaker(threshold: 3, pause: .seconds(86_400), longestPause: .seconds(86_400))
    notifier = Notifier(
      adapter: adapter, retries: retries, outbox: outbox, keepsPending: false, breaker: breaker, warn: warn,
      sleep: sleep)
    self.outbox = outbox
    self.warn = warn
  }

  /// - Parameter limit: how many of the adapter's own are taken.
  package func send(_ entries: [OutboxEntry], limit: Int = .max) -> [Result] {
    let own = entries.filter { $0.adapter == notifier.adapter.name }.prefix(limit)
    let others = entries.filter { $0.adapter != notifier.adapter.name }.map { entry in
      Result(entry: entry, state: .skipped, attempts: 0, error: "it is for the adapter '\(entry.adapter)'")
    }
    return own.map(send) + others
  }

  private func send(_ entry: OutboxEntry) -> Result {
    let figures = notifier.deliver(entry.json)
    if figures.isDelivered {
      do throws(QuarryError) {
        try outbox.markDelivered(entry)
      } catch {
        warn("a delivered notification could not be marked, and will be sent again: \(error.message)")
      }
    }
    let state: State = figures.isDelivered ? .delivered : figures.attempts > 0 ? .failed : .skipped
    return Result(entry: entry, state: state, attempts: figures.attempts, error: figures.error)
  }
}
