import QuarryCore

/// Notifications in the dataset, in the partition of the run that they tell of: `…/event_type=adapter_outbox`. Pending is
/// one that was stored and that no record says to be delivered or refused.
package struct LodeOutbox: NotificationOutbox {
  static let eventType = "adapter_outbox"

  let dataset: LodeDataset

  package func store(_ entry: OutboxEntry) throws(QuarryError) {
    try append(.notificationPending, entry) { out in
      JSONText.appendKey("notification", to: &out)
      out += entry.json.utf8
    }
  }

  package func markDelivered(_ entry: OutboxEntry) throws(QuarryError) {
    try append(.notificationDelivered, entry) { _ in }
  }

  package func noteFailure(
    _ entry: OutboxEntry, attempts: Int, reason: String, isRefused: Bool
  ) throws(QuarryError) {
    try append(.notificationFailed, entry) { out in
      JSONText.appendMember("attempts", Int64(attempts), to: &out)
      JSONText.appendMember("error", reason, to: &out)
      guard isRefused else { return }
      JSONText.appendKey("refused", to: &out)
      out += "true".utf8
    }
  }

  private func append(
    _ kind: RecordKind, _ entry: OutboxEntry, members: (inout [UInt8]) -> Void
  ) throws(QuarryError) {
    var batch = RecordBatch(partition: entry.partition, policy: nil, task: entry.task)
    batch.append(kind, eventType: Self.eventType) { out in
      JSONText.appendMember("notification_id", entry.notificationID, to: &out)
      JSONText.appendMember("adapter", entry.adapter, to: &out)
      JSONText.appendMember("ts", Timestamp.now().text(), to: &out)
      members(&out)
    }
    try dataset.sink(for: entry.partition).write(batch)
  }
}

extension LodeDataset {
  package var outbox: LodeOutbox { LodeOutbox(dataset: self) }
}
