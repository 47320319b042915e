import QuarryCore

/// Sends what accepted runs left to tell, at least once, in the order of their settling.
struct NotificationPublisher: Sendable {
  let queue: FleetQueue
  let caller: PatientCaller
  let leadership: Leadership
  let clock: FleetClock
  let interval: Duration
  /// Sends one `run_completed` JSON.
  let publish: @Sendable (String) async throws(QuarryError) -> Void
  let watch: PublishWatch

  /// What another publisher took and did not send by then is sent again.
  static let patience = Duration.seconds(5)

  func run() async {
    while !Task.isCancelled {
      guard leadership.current != nil else {
        await clock.sleep(interval)
        continue
      }
      let batch = await caller.call { () async throws(QuarryError) in
        try await queue.notifications(limit: 100, upTo: .seconds(5), again: Self.patience)
      }
      guard let batch else {
        await clock.sleep(interval)
        continue
      }
      for notification in batch { await send(notification) }
    }
  }

  /// What was taken is tried once also when the process is leaving, so that nobody has to wait for it. What is not
  /// acknowledged stays in the stream, and whoever publishes next sends it.
  private func send(_ notification: Notification) async {
    var backoff = Backoff()
    repeat {
      do throws(QuarryError) {
        try await publish(notification.json)
        try await queue.acknowledge([notification])
        return watch.sent()
      } catch { watch.failed(error) }
      await clock.sleep(backoff.next(draw: .random(in: 0..<1)))
    } while !Task.isCancelled
  }
}
