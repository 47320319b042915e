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
///
/// Of a run's outbox all counts or nothing: what was delivered may stand in the part that cannot be read.
struct OutboxReader {
  private let layout: DatasetLayout
  private var reader: PartitionReader
  private var removed: RemovedRecords
  private let forgiven = ForgivenFailures()

  init(layout: DatasetLayout) throws(QuarryError) {
    self.layout = layout
    removed = RemovedRecords(layout: layout)
    reader = try LodeReader(layout).inspector().reader
  }

  /// The oldest first; without those of runs whose outbox cannot be read as a whole, which are named.
  mutating func undelivered() throws(QuarryError) -> Listing<UndeliveredNotification> {
    var listing = Listing<UndeliveredNotification>(rows: [], warnings: [])
    for run in try runs() {
      let (outbox, flaw) = try outbox(of: run)
      if let flaw {
        listing.warnings.append(
          "the outbox of run \(run.runID) cannot be read whole, so nothing of it is sent (it may have been delivered): \(flaw)"
        )
      } else {
        listing.rows += outbox.undelivered
      }
    }
    listing.rows.sort { ($0.storedAt, $0.entry.notificationID) < ($1.storedAt, $1.entry.notificationID) }
    let others = reader.gaps + reader.chain.warnings + forgiven.messages(root: layout.root)
    listing.warnings += others.filter { warning in !listing.warnings.contains { $0.hasSuffix(warning) } }
    return listing
  }

  private func runs() throws(QuarryError) -> [RunPath] {
    try layout.described { () throws(FileFailure) in
      var runs: [RunPath] = []
      let finder = RunFinder(layout: layout, forgiven: forgiven)
      try finder.days { day throws(FileFailure) in
        for name in try finder.children(of: day, key: "run_id=", value: nil) {
          let types = try finder.children(of: "\(day)/\(name)", key: "event_type=", value: LodeOutbox.eventType)
          if !types.isEmpty, let run = RunPath("\(day)/\(name)") { runs.append(run) }
        }
      }
      return runs
    }
  }

  /// - Returns: also why it cannot be read whole; nil when it was.
  private mutating func outbox(of run: RunPath) throws(QuarryError) -> (RunOutbox, flaw: String?) {
    var outbox = try RunOutbox(run, in: layout)
    let content: PartitionReader.Content
    do throws(FileFailure) {
      content = try reader.content(of: ["\(run.path)/event_type=\(LodeOutbox.eventType)"])
    } catch {
      guard layout.isOfOneFile(error) else { throw error.described(layout) }
      return (outbox, error.sentence(layout))
    }
    var flaw = content.gaps.first
    for file in content.files where flaw == nil {
      let damages = try CheckedLines(layout: layout, file: file).forEach(&removed) { line, _ in
        outbox.take(line)
        return true
      }
      flaw = damages.first
    }
    return (outbox, flaw)
  }
}

/// What the outbox of one run holds.
private struct RunOutbox {
  private static let members: Set<String> = [
    "record_kind", "notification_id", "adapter", "ts", "task_id", "epoch", "refused",
  ]

  private let partition: RunPartition
  private var stored: [String: UndeliveredNotification] = [:]
  private var delivered: Set<String> = []
  private var refused: Set<String> = []

  init(_ run: RunPath, in layout: DatasetLayout) throws(QuarryError) {
    partition = try RunPartition(
      dataset: layout.dataset, source: run.source, category: run.category, day: run.day, runID: run.runID)
  }

  var undelivered: [UndeliveredNotification] {
    stored.values.filter { !delivered.contains($0.entry.notificationID) }.map { notification in
      var notification = notification
      notification.isRefused = refused.contains(notification.entry.notificationID)
      return notification
    }
  }

  mutating func take(_ line: UnsafeRawBufferPointer) {
    let members = RecordMembers.read(Self.members, from: line)
    guard let id = members["notification_id"]?.string else { return }
    switch members["record_kind"]?.string.flatMap(RecordKind.init) {
    case .notificationDelivered: delivered.insert(id)
    case .notificationFailed where members["refused"]?.bool == true: refused.insert(id)
    case .notificationPending:
      guard let json = Self.notification(in: line), let adapter = members["adapter"]?.string else { return }
      let task = members["task_id"]?.string.map { TaskLineage(taskID: $0, epoch: members["epoch"]?.integer ?? 0) }
      let entry = OutboxEntry(notificationID: id, adapter: adapter, partition: partition, task: task, json: json)
      let storedAt = members["ts"]?.string.flatMap { Timestamp($0) } ?? Timestamp(nanoseconds: 0)
      stored[id] = UndeliveredNotification(entry: entry, storedAt: storedAt)
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
  /// Notifications that were stored and not delivered, the oldest first. Looks at the folder of every run. One whose run has an
  /// outbox that cannot be read as a whole is left out, and the run is named: it may have been delivered.
  package func undeliveredNotifications() throws(QuarryError) -> Listing<UndeliveredNotification> {
    var reader = try OutboxReader(layout: layout)
    return try reader.undelivered()
  }
}
