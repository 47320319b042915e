import QuarryCore

/// A notification that was stored and not delivered.
package struct UndeliveredNotification: Sendable, Equatable {
  package let entry: OutboxEntry
  /// When it was stored.
  package let storedAt: Timestamp
  /// The receiver does not want it; else it is pending.
  package fileprivate(set) var isRefused = false
}

/// Finds what was not delivered: looks into the outbox folder of every run that has one.
struct OutboxReader {
  private static let members: Set<String> = [
    "record_kind", "notification_id", "adapter", "ts", "task_id", "epoch", "refused",
  ]

  let layout: DatasetLayout
  private var found: [String: UndeliveredNotification] = [:]
  private var delivered: Set<String> = []
  private var refused: Set<String> = []

  init(layout: DatasetLayout) { self.layout = layout }

  /// The oldest first.
  mutating func undelivered() throws(QuarryError) -> [UndeliveredNotification] {
    var reader = try layout.described { () throws(FileFailure) in try PartitionReader(layout: layout) }
    for run in try runs() {
      for file in try files(of: run, by: &reader) {
        let path = layout.path(of: file)
        let isThere = try RecordLines(layout.store, path).forEach { line throws(QuarryError) in
          try take(line, of: run)
          return true
        }
        guard isThere else { throw QuarryError(.storage, "the outbox of run \(run.runID) lacks its file \(path)") }
      }
    }
    return found.values.filter { !delivered.contains($0.entry.notificationID) }
      .map { notification in
        var notification = notification
        notification.isRefused = refused.contains(notification.entry.notificationID)
        return notification
      }
      .sorted { ($0.storedAt, $0.entry.notificationID) < ($1.storedAt, $1.entry.notificationID) }
  }

  private func runs() throws(QuarryError) -> [RunPath] {
    try layout.described { () throws(FileFailure) in
      var runs: [RunPath] = []
      let finder = RunFinder(layout: layout)
      try finder.days { day throws(FileFailure) in
        for name in try finder.children(of: day, key: "run_id=", value: nil) {
          let folder = "\(layout.partitions)/\(day)/\(name)/event_type=\(LodeOutbox.eventType)"
          if try layout.store.hasFolder(folder), let run = RunPath("\(day)/\(name)") { runs.append(run) }
        }
      }
      return runs
    }
  }

  /// Keys of the data files on the chain.
  private func files(of run: RunPath, by reader: inout PartitionReader) throws(QuarryError) -> [String] {
    var isRefused = false
    let files = try layout.described { () throws(FileFailure) in
      let partition = "\(run.path)/event_type=\(LodeOutbox.eventType)"
      var files: [String] = []
      for id in try reader.snapshots(of: partition) {
        guard let manifest = try reader.manifest(id) else {
          isRefused = isRefused || reader.chain.refused[id] != nil
          continue
        }
        files += manifest.files.map(\.path).filter { layout.partition(ofDataKey: $0) == partition }
      }
      return files
    }
    // What was delivered may stand there.
    guard !isRefused else {
      throw QuarryError(
        .storage, "the outbox of run \(run.runID) cannot be read: \(reader.chain.warnings.joined(separator: "; "))")
    }
    return files
  }

  private mutating func take(_ line: UnsafeRawBufferPointer, of run: RunPath) throws(QuarryError) {
    let members = RecordMembers.read(Self.members, from: line)
    guard let id = members["notification_id"]?.string else { return }
    switch members["record_kind"]?.string.flatMap(RecordKind.init) {
    case .notificationDelivered: delivered.insert(id)
    case .notificationFailed where members["refused"]?.bool == true: refused.insert(id)
    case .notificationPending:
      guard let json = Self.notification(in: line), let adapter = members["adapter"]?.string else { return }
      let partition = try RunPartition(
        dataset: layout.dataset, source: run.source, category: run.category, day: run.day, runID: run.runID)
      let task = members["task_id"]?.string.map { TaskLineage(taskID: $0, epoch: members["epoch"]?.integer ?? 0) }
      let entry = OutboxEntry(notificationID: id, adapter: adapter, partition: partition, task: task, json: json)
      let storedAt = members["ts"]?.string.flatMap { Timestamp($0) } ?? Timestamp(nanoseconds: 0)
      found[id] = UndeliveredNotification(entry: entry, storedAt: storedAt)
    default: return
    }
  }

  /// The text as it was stored, so that what is sent later is what would have been sent then.
  private static func notification(in line: UnsafeRawBufferPointer) -> String? {
    var json: String?
    RecordMembers.forEach(in: line) { key, text in
      if key == "notification" { json = String(decoding: text, as: UTF8.self) }
      return json == nil
    }
    return json
  }
}

extension LodeReader {
  /// Notifications that were stored and not delivered, the oldest first. Looks at the folder of every run.
  package func undeliveredNotifications() throws(QuarryError) -> [UndeliveredNotification] {
    var reader = OutboxReader(layout: layout)
    return try reader.undelivered()
  }
}
