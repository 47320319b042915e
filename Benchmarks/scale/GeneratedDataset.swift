import Foundation
import QuarryCore
import QuarryLode
import Synchronization
import TestSupport

/// A dataset of many short runs over thirty days: three sources of two categories, two commits a run, jobs of 200 runs,
/// one run of 16 failed, and the newest ten still running. Sixteen writers share commits, as the slots of a worker do.
struct GeneratedDataset {
  private static let days = 30
  private static let writers = 16
  static let running = 10

  let root: String
  let runs: Int
  /// When its first run began.
  private let start: Timestamp
  private let step: Int64

  init(root: String, runs: Int) {
    self.root = root
    self.runs = runs
    let span = Int64(Self.days) * 86_400 * 1_000_000_000
    start = Timestamp(nanoseconds: Timestamp.now().nanoseconds - span)
    step = span / Int64(runs + 1)
  }

  /// - Returns: the ids of a run in the middle and of the newest.
  func write() throws -> (middle: String, newest: String) {
    let time = Mutex(start.nanoseconds)
    let ids = Mutex((middle: "", newest: ""))
    let clock = SnapshotClock { Timestamp(nanoseconds: time.withLock { $0 }) }
    let dataset = LodeDataset(root: root, durability: .none, clock: clock)
    let next = Mutex(0)
    let failure = Mutex<(any Error)?>(nil)
    onThreads(Self.writers) { _ in
      while failure.withLock({ $0 == nil }), let index = take(next) {
        do {
          let began = Timestamp(nanoseconds: start.nanoseconds + Int64(index) * step)
          time.withLock { $0 = max($0, began.nanoseconds) }
          let id = Self.id(began)
          if index == runs / 2 { ids.withLock { $0.middle = id } }
          if index == runs - 1 { ids.withLock { $0.newest = id } }
          try write(index, id: id, began: began, to: dataset)
        } catch { failure.withLock { $0 = error } }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    return ids.withLock { $0 }
  }

  private static func id(_ time: Timestamp) -> String {
    var generator = SystemRandomNumberGenerator()
    return UUIDv7.make(milliseconds: time.milliseconds, using: &generator)
  }

  private func take(_ next: borrowing Mutex<Int>) -> Int? {
    next.withLock { next in
      guard next < runs else { return nil }
      next += 1
      return next - 1
    }
  }

  private func write(_ index: Int, id: String, began: Timestamp, to dataset: LodeDataset) throws {
    let partition = try RunPartition(
      dataset: dataset.layout.dataset, source: "shop-\(index % 3)", category: index % 7 == 0 ? "reviews" : "products",
      day: began.day, runID: id)
    let sink = dataset.sink(for: partition)
    let fails = index % 16 == 3
    var batch = RecordBatch(partition: partition, policy: "strict")
    for seq in 1...5 { append("item", Int64(seq), index, began, to: &batch) }
    guard index < runs - Self.running else { return try sink.write(batch) }
    append(fails ? "run_error" : "run_complete", 6, index, began, to: &batch)
    try sink.write(batch)
    var metrics = RecordBatch(partition: partition, policy: "strict")
    metrics.append(.metrics, eventType: "metrics") { out in
      JSONText.appendMember("ts", Timestamp(nanoseconds: began.nanoseconds + 2_000_000_000).text(fraction: 0), to: &out)
      JSONText.appendMember("runs_completed_total", fails ? 0 : 1, to: &out)
      JSONText.appendMember("runs_failed_total", fails ? 1 : 0, to: &out)
    }
    try sink.write(metrics)
  }

  private func append(_ type: String, _ seq: Int64, _ index: Int, _ began: Timestamp, to batch: inout RecordBatch) {
    let time = Timestamp(nanoseconds: began.nanoseconds + seq * 100_000_000)
    batch.append(.event, eventType: type) { out in
      JSONText.appendMember("event_id", Self.id(time), to: &out)
      JSONText.appendMember("seq", seq, to: &out)
      JSONText.appendMember("ts", time.text(), to: &out)
      JSONText.appendMember("type", type, to: &out)
      JSONText.appendMember("attempt", 1, to: &out)
      JSONText.appendMember("job_id", "job-\(index / 200)", to: &out)
      out +=
        #","payload":{"item_type":"product","data":{"sku":"Q1","title":"Quiet Heron Lamp","price_cents":1999}}"#.utf8
    }
  }
}
