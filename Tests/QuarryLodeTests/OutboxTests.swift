import Foundation
import QuarryCore
import QuarryLode
import S3Client
import Synchronization
import TestSupport
import TestTraits
import Testing

/// Notifications that wait, where a part of what tells of them cannot be read: none is sent again that may have been
/// delivered, and none is left out without a word.
@Suite(.ownThread) struct OutboxTests {
  private let root = TemporaryDirectory()
  private var dataset: LodeDataset { LodeDataset(root: root.path, durability: .none) }
  private var reader: LodeReader { LodeReader(root: root.path) }

  /// What is wrong with the snapshot that holds a delivery.
  enum Damage: CaseIterable {
    case isGone, isCutOff, isNoJSON, hasNoManifest, isOfAnotherForm

    func happen(to manifest: Manifest, _ layout: DatasetLayout) throws {
      let path = layout.path(of: try #require(manifest.files.first?.path))
      let canonical = "\(layout.canonicalFolder(manifest.id))/manifest.json"
      switch self {
      case .isGone: try FileManager.default.removeItem(atPath: path)
      case .isCutOff: try put(String(try #require(text(path)).dropLast(9)), at: path)
      case .isNoJSON: try put("[" + (try #require(text(path)).dropFirst()), at: path)
      // Its copies are the same file.
      case .hasNoManifest: try put("{", at: canonical)
      case .isOfAnotherForm:
        let changed = try #require(text(canonical)).replacingOccurrences(of: "\"noop\"", with: "\"lz9\"")
        try put(changed, at: canonical)
      }
    }
  }

  private func entry(_ id: String, of run: Run) -> OutboxEntry {
    OutboxEntry(
      notificationID: id, adapter: "webhook", partition: run.partition, task: nil,
      json: #"{"event_type":"run_completed"}"#)
  }

  /// Two runs, each with a notification, of which that of the first was delivered.
  private func prepare(_ dataset: LodeDataset, later: Bool) throws -> Manifest {
    let runs = try ["a", "b"].map { try Run(dataset, id: $0) }
    for run in runs { try dataset.outbox.store(entry("n-\(run.partition.runID)", of: run)) }
    try dataset.outbox.markDelivered(entry("n-a", of: runs[0]))
    let reader = LodeReader(dataset.layout)
    let delivery = try #require(try reader.chain().rows.first)
    if later { try runs[1].sink.write(runs[1].items(0..<1)) }
    let sound = try reader.undeliveredNotifications()
    #expect(sound.rows.map(\.entry.notificationID) == ["n-b"] && sound.warnings == [])
    return delivery
  }

  private func expectNamed(_ listing: Listing<UndeliveredNotification>, says reason: String, _ comment: Comment = "") {
    #expect(listing.rows.map(\.entry.notificationID) == ["n-b"], comment)
    let named = listing.warnings.filter {
      $0.hasPrefix("the outbox of run a cannot be read whole, so nothing of it is sent")
    }
    #expect(named.count == 1 && named[0].contains(reason), "\(comment): \(listing.warnings)")
    #expect(!listing.warnings.contains { $0.contains("run b") }, "\(comment): \(listing.warnings)")
  }

  @Test(arguments: Damage.allCases, [false, true])
  func nothingIsSentOfAnOutboxThatIsNotWhole(_ damage: Damage, later: Bool) throws {
    let delivery = try prepare(dataset, later: later)
    try damage.happen(to: delivery, reader.layout)
    let reason = [.hasNoManifest, .isOfAnotherForm].contains(damage) ? "\(delivery.id)" : "/data/data"
    expectNamed(try reader.undeliveredNotifications(), says: reason)
  }

  @Test(arguments: [403, 500], ["/manifest.json", "/data/data"])
  func nothingIsSentOfWhatABucketRefuses(_ status: Int, _ part: String) throws {
    let (direct, upstream) = (try S3Server.moto.store(), try S3Server.moto.upstream())
    for later in [false, true] {
      let delivery = try prepare(LodeDataset(direct), later: later)
      let refused = Mutex("/segments/\(delivery.id)\(part)")
      let proxy = try HTTPServer { request, _ in
        refused.withLock { request.line.contains($0) }
          ? .status(status, body: "<Error><Code>InvalidObjectState</Code></Error>") : .relay(to: upstream)
      }
      let reader = try S3Server.moto.store(through: proxy, prefix: direct.prefix).reader()
      expectNamed(try reader.undeliveredNotifications(), says: "\(delivery.id)\(part)", "\(later)")
      refused.withLock { $0 = " " }
      #expect(throws: QuarryError.self) { try reader.undeliveredNotifications() }
    }
  }

  /// A snapshot that another writer has committed past: a repair brings it back, and with it what was delivered.
  @Test func nothingIsSentOfWhatIsLost() throws {
    // Who has begun to write takes what it committed for the newest.
    let direct = try S3Server.moto.store(lease: .zero)
    let (first, layout) = (LodeDataset(direct), direct.reader().layout)
    let runs = try ["a", "b"].map { try Run(first, id: $0) }
    for run in runs { try first.outbox.store(entry("n-\(run.partition.runID)", of: run)) }
    try LodeDataset(direct).outbox.markDelivered(entry("n-a", of: runs[0]))
    let delivery = try #require(try direct.reader().chain().rows.first)
    try direct.replace(layout.pointer, with: "\(try #require(delivery.parent))")
    direct.discard(layout.lock)
    try runs[1].sink.write(runs[1].items(0..<1))
    expectNamed(try direct.reader().undeliveredNotifications(), says: "snapshot \(delivery.id) ")
    _ = try ManifestRepair(direct, layout: layout, leastAge: .zero).repair(writes: true) { _ in }
    let mended = try direct.reader().undeliveredNotifications()
    #expect(mended.rows.map(\.entry.notificationID) == ["n-b"] && mended.warnings == [], "\(mended.warnings)")
  }
}
