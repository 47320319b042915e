import QuarryCore

/// Delivers notifications through one adapter: tries again what may pass by itself, keeps what must not be lost in the
/// outbox, and spares itself an adapter that has failed several times in a row. Blocking; from any thread.
package struct Notifier: Sendable {
  package let adapter: any NotificationAdapter
  private let retries: Int
  private let outbox: any NotificationOutbox
  package let keepsPending: Bool
  private let breaker: CircuitBreaker
  private let warn: @Sendable (String) -> Void
  private let sleep: @Sendable (Duration) -> Void

  /// Before the first retry; it doubles with each.
  package static let firstPause = Duration.milliseconds(500)

  /// - Parameters:
  ///   - retries: tries after the first.
  ///   - keepsPending: stores each notification before the first try, so that `quarry adapter drain` finds what was not
  ///     delivered, also when this process was killed.
  ///   - warn: told what a person should know.
  package init(
    adapter: any NotificationAdapter, retries: Int, outbox: any NotificationOutbox, keepsPending: Bool,
    breaker: CircuitBreaker = CircuitBreaker(threshold: 3, pause: .seconds(30)),
    warn: @escaping @Sendable (String) -> Void,
    sleep: @escaping @Sendable (Duration) -> Void = { OwnThread.block(for: $0) }
  ) {
    self.adapter = adapter
    self.retries = retries
    self.outbox = outbox
    self.keepsPending = keepsPending
    self.breaker = breaker
    self.warn = warn
    self.sleep = sleep
  }

  /// Tells of one run. A failure is a warning and a figure, never an error.
  /// - Parameters:
  ///   - isHurried: whether the process has been told to end: then a short try is the last. Asked before each.
  ///   - onTry: told before each try, which it counts, what holds if nothing comes of it.
  package func notify(
    _ entry: OutboxEntry, isHurried: @escaping @Sendable () -> Bool = { false },
    onTry: (NotificationFigures) -> Void = { _ in }
  ) -> NotificationFigures {
    let isStored = keepsPending && note("stored in the outbox") { () throws(QuarryError) in try outbox.store(entry) }
    var figures = deliver(entry.json, isHurried: isHurried) { figures in
      var figures = figures
      figures.isPending = isStored
      onTry(figures)
    }
    if figures.isDelivered {
      if isStored {
        _ = note("marked as delivered, and will be sent again by `quarry adapter drain`") { () throws(QuarryError) in
          try outbox.markDelivered(entry)
        }
      }
      return figures
    }
    let reason = figures.error ?? "unknown"
    // What was not tried is in the run's report; a record each would cost more than what is spared.
    let isRecorded =
      figures.attempts > 0
      && note("recorded as failed") { () throws(QuarryError) in
        try outbox.noteFailure(entry, attempts: figures.attempts, reason: reason, isRefused: figures.isRefused)
      }
    let isOver = figures.isRefused && isRecorded
    figures.isPending = isStored && !isOver
    let ahead = isOver ? Self.refused : isStored ? "; it waits in the outbox for `quarry adapter drain`" : ""
    warn(
      "run_completed of run \(entry.partition.runID) was not delivered to \(adapter.destination): \(reason)" + ahead)
    return figures
  }

  /// How a message about a refused notification ends.
  package static let refused = "; that is recorded, and it is not sent again"

  /// Sends, with retries, and keeps nothing.
  package func deliver(
    _ json: String, isHurried: @escaping @Sendable () -> Bool = { false },
    onTry: (NotificationFigures) -> Void = { _ in }
  ) -> NotificationFigures {
    var figures = NotificationFigures(adapter: adapter.name)
    let isProbe = breaker.isOpen
    guard breaker.allows() else {
      figures.error = "not tried, since the last ones all failed"
      return figures
    }
    while true {
      let limit = isProbe || isHurried() ? 0 : retries
      figures.attempts += 1
      onTry(figures)
      do throws(DeliveryFailure) {
        try adapter.send(json, within: isHurried() ? .seconds(2) : nil)
        figures.isDelivered = true
        figures.error = nil
        breaker.succeeded()
        return figures
      } catch {
        figures.error = error.message
        figures.isRefused = error.isRefusal
        // A refusal is an answer: whoever gave it is there.
        if error.isFinal { breaker.succeeded() } else if figures.attempts > limit { breaker.failed() }
        guard !error.isFinal, figures.attempts <= limit else { return figures }
        sleep(Self.firstPause * (1 << min(figures.attempts - 1, 16)))
      }
    }
  }

  /// - Returns: whether it worked; else a warning was given.
  private func note(_ what: String, _ body: () throws(QuarryError) -> Void) -> Bool {
    do throws(QuarryError) {
      try body()
      return true
    } catch {
      warn("a notification could not be \(what): \(error.message)")
      return false
    }
  }
}
