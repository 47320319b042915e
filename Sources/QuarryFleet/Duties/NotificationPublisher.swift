import QuarryCore

/// Sends `run_completed` JSON, several in their order.
///
/// Returns how many, from the first on, are sent, which is one at least; throws when they are to be sent again.
package typealias PublishNotifications = @Sendable ([String]) async throws(QuarryError) -> Int

/// Sends what accepted runs left to tell, at least once, in the order of their settling.
struct NotificationPublisher: Sendable {
  let queue: FleetQueue
  let caller: PatientCaller
  let leadership: Leadership
  let clock: FleetClock
  let interval: Duration
  let publish: PublishNotifications
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

  /// When the process is leaving they are tried until one fails, so that nobody has to wait for them. What is not
  /// acknowledged stays in the stream, and whoever publishes next sends it.
  ///
  /// What was sent is acknowledged together, since each acknowledgement is a script that others wait for; but before
  /// anything is waited for, and before others could think that nobody sends.
  private func send(_ batch: [Notification]) async {
    var (rest, sent): (ArraySlice<Notification>, [Notification]) = (batch[...], [])
    var since = clock.boot()
    while !rest.isEmpty {
      var count = await tryOnce(rest)
      var backoff = Backoff()
      while count == 0, !Task.isCancelled {
        await acknowledge(&sent)
        await clock.sleep(backoff.next(draw: .random(in: 0..<1)))
        if !Task.isCancelled { count = await tryOnce(rest) }
      }
      if count == 0 { break }
      sent += rest.prefix(count)
      rest = rest.dropFirst(count)
      if clock.boot() - since > Self.longestSilence.nanoseconds {
        await acknowledge(&sent)
        since = clock.boot()
      }
    }
    await acknowledge(&sent)
  }

  /// - Returns: how many are sent.
  private func tryOnce(_ notifications: ArraySlice<Notification>) async -> Int {
    do throws(QuarryError) { return try await publish(notifications.map(\.json)) } catch {
      watch.failed(error)
      return 0
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
