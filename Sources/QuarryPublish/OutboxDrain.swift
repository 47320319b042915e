import QuarryCore

/// Sends what waits in an outbox, one after the other. Blocking.
package struct OutboxDrain: Sendable {
  package enum State: String, Sendable {
    case delivered
    /// Tried, and still pending.
    case failed
    /// Tried, and not wanted by the receiver: no longer pending.
    case refused
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
    do throws(QuarryError) {
      if figures.isDelivered {
        try outbox.markDelivered(entry)
      } else if figures.isRefused {
        try outbox.noteFailure(
          entry, attempts: figures.attempts, reason: figures.error ?? "unknown", isRefused: true)
      }
    } catch {
      let end = figures.isDelivered ? "delivered" : "refused"
      warn("a \(end) notification could not be marked, and will be sent again: \(error.message)")
    }
    return Result(entry: entry, state: Self.state(figures), attempts: figures.attempts, error: figures.error)
  }

  private static func state(_ figures: NotificationFigures) -> State {
    if figures.isDelivered { return .delivered }
    if figures.isRefused { return .refused }
    return figures.attempts > 0 ? .failed : .skipped
  }
}
