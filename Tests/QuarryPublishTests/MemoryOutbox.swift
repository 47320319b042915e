import QuarryCore
import QuarryPublish
import Synchronization

/// Remembers what was stored, in order; refuses when told to.
final class MemoryOutbox: NotificationOutbox {
  private let lines = Mutex<[String]>([])
  private let refuses: Bool

  init(refuses: Bool = false) { self.refuses = refuses }

  var kinds: [String] { lines.withLock { $0 } }

  func store(_ entry: OutboxEntry) throws(QuarryError) { try note("pending \(entry.notificationID)") }
  func markDelivered(_ entry: OutboxEntry) throws(QuarryError) { try note("delivered \(entry.notificationID)") }
  func noteFailure(_ entry: OutboxEntry, attempts: Int, reason: String, isRefused: Bool) throws(QuarryError) {
    try note("\(isRefused ? "refused" : "failed") \(entry.notificationID) after \(attempts)")
  }

  private func note(_ line: String) throws(QuarryError) {
    if refuses { throw QuarryError(.storage, "the disk is full") }
    lines.withLock { $0.append(line) }
  }
}

/// Collects texts from any thread.
final class Texts: Sendable {
  private let texts = Mutex<[String]>([])
  var all: [String] { texts.withLock { $0 } }
  func add(_ text: String) { texts.withLock { $0.append(text) } }
}

func entry(_ id: String = "n-1", adapter: String = "webhook", json: String = #"{"run_id":"r-1"}"#) throws -> OutboxEntry
{
  let partition = try RunPartition(dataset: "d", source: "s", category: "c", day: "2026-11-25", runID: "r-1")
  return OutboxEntry(notificationID: id, adapter: adapter, partition: partition, json: json)
}
