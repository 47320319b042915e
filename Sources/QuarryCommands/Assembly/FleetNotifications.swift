import QuarryCore
import QuarryLode
import QuarryPublish
import Synchronization

/// Sends what a fleet's pending stream holds: on the channel of the fleet's own Redis, always, and through the
/// configured adapter, when there is one.
///
/// The pending stream is the fleet's outbox: what the adapter does not take is sent again until it does, except what it
/// refuses for good. With `--adapter-outbox` it is left in the dataset once its retries are over, and the fleet goes on.
final class FleetNotifications: Sendable {
  private let channel: ChannelPublisher
  private let notifier: Notifier?
  private let dataset: LodeDataset
  private let keepsPending: Bool
  private let warn: @Sendable (String) -> Void
  /// What the channel took and the adapter did not yet.
  private let onChannel = Mutex<String?>(nil)

  init(
    channel: ChannelPublisher, adapter settings: AdapterSettings?, dataset: LodeDataset,
    warn: @escaping @Sendable (String) -> Void
  ) throws(QuarryError) {
    self.channel = channel
    self.dataset = dataset
    self.warn = warn
    keepsPending = settings?.keepsPending ?? false
    notifier = try settings.map { settings throws(QuarryError) in
      Notifier(
        adapter: try settings.adapter(), retries: settings.retries, outbox: dataset.outbox, keepsPending: false,
        warn: warn)
    }
  }

  /// - Returns: how many, from the first on, were sent: all where there is only the channel, else one, since an adapter
  ///   may take its time with each.
  /// - Throws: `QuarryError` when they must be sent again.
  func publish(_ notifications: [String]) async throws(QuarryError) -> Int {
    guard let notifier, let json = notifications.first else {
      try await channel.publish(notifications)
      return notifications.count
    }
    if onChannel.withLock({ $0 }) != json {
      try await channel.publish([json])
      onChannel.withLock { $0 = json }
    }
    try await send(json, notifier)
    onChannel.withLock { $0 = nil }
    return 1
  }

  private func send(_ json: String, _ notifier: Notifier) async throws(QuarryError) {
    let figures = await OwnThread.run { notifier.deliver(json) }
    guard !figures.isDelivered else { return }
    let message = "run_completed was not delivered to \(notifier.adapter.destination): \(figures.error ?? "unknown")"
    if keepsPending {
      try await keep(try entry(json, adapter: notifier.adapter.name), figures)
      return warn(
        message + (figures.isRefused ? Notifier.refused : "; it waits in the outbox for `quarry adapter drain`"))
    }
    guard figures.isRefused else {
      throw QuarryError(.redis, message, remedy: "add --adapter-outbox to leave it to `quarry adapter drain`")
    }
    warn(message + "; it is not sent again")
  }

  private func keep(_ entry: OutboxEntry, _ figures: NotificationFigures) async throws(QuarryError) {
    let result = await OwnThread.run { [outbox = dataset.outbox] () -> Result<Void, QuarryError> in
      do throws(QuarryError) {
        try outbox.store(entry)
        guard figures.isRefused else { return .success(()) }
        return .success(
          try outbox.noteFailure(
            entry, attempts: figures.attempts, reason: figures.error ?? "unknown", isRefused: true))
      } catch { return .failure(error) }
    }
    try result.get()
  }

  /// The run's partition stands in its notification.
  private func entry(_ json: String, adapter: String) throws(QuarryError) -> OutboxEntry {
    let members: JSONValue
    do { members = try JSONParser.parse(json) } catch {
      throw QuarryError(.fleet, "a notification of the fleet is not JSON: \(error)")
    }
    let partition = try RunPartition(
      dataset: dataset.layout.dataset, source: members["source"]?.string ?? "",
      category: members["category"]?.string ?? "", day: members["day"]?.string ?? "",
      runID: members["run_id"]?.string ?? "")
    return OutboxEntry(adapter: adapter, partition: partition, json: json)
  }
}
