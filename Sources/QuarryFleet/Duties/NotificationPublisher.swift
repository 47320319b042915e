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
  /// From sending one until it is acknowledged, as long as the next ones are sent.
  static let longestSilence = Duration.milliseconds(250)

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
      await send(batch)
    }
  }

  /// Each is tried once also when the process is leaving, so that nobody has to wait for it. What is not acknowledged
  /// stays in the stream, and whoever publishes next sends it.
  ///
  /// What was sent is acknowledged together, since each acknowledgement is a script that others wait for; but before
  /// anything is waited for, and before others could think that nobody sends.
  private func send(_ batch: [Notification]) async {
    var sent: [Notification] = []
    var since = clock.boot()
    for notification in batch {
      var isSent = await publishes(notification)
      var backoff = Backoff()
      while !isSent, !Task.isCancelled {
        await acknowledge(&sent)
        await clock.sleep(backoff.next(draw: .random(in: 0..<1)))
        if !Task.isCancelled { isSent = await publishes(notification) }
      }
      if isSent { sent.append(notification) }
      if clock.boot() - since > Self.longestSilence.nanoseconds {
        await acknowledge(&sent)
        since = clock.boot()
      }
    }
    await acknowledge(&sent)
  }

  /// One try.
  private func publishes(_ notification: Notification) async -> Bool {
    do throws(QuarryError) {
      try await publish(notification.json)
      return true
    } catch {
      watch.failed(error)
      return false
    }
  }

  /// Until Redis has it; once also when the process is leaving.
  private func acknowledge(_ sent: inout [Notification]) async {
    if sent.isEmpty { return }
    defer { sent = [] }
    var backoff = Backoff()
    repeat {
      do throws(QuarryError) {
        try await queue.acknowledge(sent)
        return watch.sent()
      } catch { watch.failed(error) }
      await clock.sleep(backoff.next(draw: .random(in: 0..<1)))
    } while !Task.isCancelled
  }
}
