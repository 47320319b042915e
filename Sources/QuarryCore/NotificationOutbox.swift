/// A notification that is to be delivered at least once.
package struct OutboxEntry: Sendable, Equatable {
  package var notificationID: String
  /// The kind of adapter that it is for: `webhook`, `redis`.
  package var adapter: String
  /// Of the run that it tells of.
  package var partition: RunPartition
  package var task: TaskLineage?
  /// The JSON to send, as it will be sent.
  package var json: String

  package init(
    notificationID: String = UUIDv7.make(), adapter: String, partition: RunPartition, task: TaskLineage? = nil,
    json: String
  ) {
    self.notificationID = notificationID
    self.adapter = adapter
    self.partition = partition
    self.task = task
    self.json = json
  }
}

/// What is stored about notifications. Publish writes it, Lode implements it. Blocking; called from threads of its own.
package protocol NotificationOutbox: Sendable {
  /// Before the first try.
  func store(_ entry: OutboxEntry) throws(QuarryError)

  /// After the try that succeeded.
  func markDelivered(_ entry: OutboxEntry) throws(QuarryError)

  /// After the last try of a process, which failed; the entry stays pending unless it was refused.
  /// - Parameters:
  ///   - reason: without secrets.
  ///   - isRefused: the receiver does not want it: it is sent again only if somebody asks for it.
  func noteFailure(_ entry: OutboxEntry, attempts: Int, reason: String, isRefused: Bool) throws(QuarryError)
}

/// What became of one run's notification.
package struct NotificationFigures: Sendable, Equatable {
  package var adapter: String
  /// Tries; 0 when it was not tried, because the last ones had all failed.
  package var attempts = 0
  package var isDelivered = false
  /// It waits in the outbox.
  package var isPending = false
  /// The receiver does not want it, now or later.
  package var isRefused = false
  /// Why it is not delivered.
  package var error: String?

  package init(adapter: String) { self.adapter = adapter }

  /// Tries after the first.
  package var retries: Int { max(0, attempts - 1) }
}
