import QuarryCore
import QuarryLode
import Synchronization
import TestSupport

/// Ways of changing a dataset, for tests that end them at each single step. All data is made durable.
package enum Scenario: String, CaseIterable, Sendable {
  /// Two event types at once, one of them again, and metrics.
  case commits
  /// Files beside records.
  case files
  /// The dataset's identity and a claimed run id.
  case claim
  /// Runs that share commits.
  case group
  /// A file system without hard links.
  case copies
  /// A writer that clears up after one which died right before it moved the pointer.
  case recovery
  /// The collector of leftovers.
  case collection

  /// What is in the dataset before, none of which may go.
  package func prepare(_ root: String) throws {
    let dataset = LodeDataset(root: root)
    let earlier = try ScenarioRun(dataset, "earlier")
    try earlier.put("kept.txt")
    try earlier.write(["item": [1, 2]])
    guard [.recovery, .collection].contains(self) else { return }
    for index in 1...2 { try dieBeforeThePointerMoves(root, run: "died\(index)") }
  }

  /// - Parameters:
  ///   - fault: asked before each operation that changes something.
  ///   - acknowledge: told of each record (`run seq`) and file (`run name`) that is stored for sure.
  package func run(
    _ root: String, fault: @escaping @Sendable (FileSystem.Operation, String) -> FileSystem.Fault?,
    acknowledge: @escaping @Sendable (String) -> Void
  ) throws {
    let files = FileSystem { operation, path in
      fault(operation, path) ?? (self == .copies && operation == .link ? .failure(1 /* EPERM */) : nil)
    }
    let dataset = LodeDataset(root: root, files: files)
    switch self {
    case .commits, .copies, .recovery:
      let run = try ScenarioRun(dataset, "dying", acknowledge)
      try run.write(["item": [1], "log": [2]])
      try run.write(["item": [3]])
      try run.writeMetrics()
    case .files:
      let run = try ScenarioRun(dataset, "dying", acknowledge)
      try run.put("a.txt")
      try run.write(["item": [1]])
      try run.put("b.txt")
      try run.put("c.txt")
      try run.write(["item": [2]])
    case .claim:
      _ = try dataset.identity()
      let claim = try dataset.claim(runID: "dying")
      try ScenarioRun(dataset, "dying", acknowledge).write(["item": [1]])
      claim.release()
    case .group: try group(dataset, acknowledge)
    case .collection:
      try LeftoverCollector(root: root, dataset: "quarry", age: .zero, files: files).collect(removes: true) { _, _ in }
    }
  }

  private func group(_ dataset: LodeDataset, _ acknowledge: @escaping @Sendable (String) -> Void) throws {
    let failures = Mutex<[QuarryError]>([])
    onThreads(4) { index in
      do throws(QuarryError) {
        let run = try ScenarioRun(dataset, "dying\(index)", acknowledge)
        for seq in 1...3 {
          if index == 0 { try run.put("f\(seq).txt") }
          try run.write(["item": [seq]])
        }
      } catch { failures.withLock { $0.append(error) } }
    }
    if let failure = failures.withLock({ $0.first }) { throw failure }
  }

  private func dieBeforeThePointerMoves(_ root: String, run: String) throws {
    let isDead = Mutex(false)
    let files = FileSystem { operation, path in
      isDead.withLock { isDead in
        if operation == .rename, path.hasSuffix("/latest") { isDead = true }
        return isDead ? .failure(5 /* EIO */) : nil
      }
    }
    let dying = try ScenarioRun(LodeDataset(root: root, files: files), run)
    try dying.put("lost.txt")
    do { try dying.write(["item": [1], "log": [2]]) } catch {}  // it dies
  }
}

/// A run of a scenario.
struct ScenarioRun {
  private let partition: RunPartition
  private let sink: LodeRunSink
  private let acknowledge: @Sendable (String) -> Void
  private let unlisted = Unlisted()

  init(
    _ dataset: LodeDataset, _ id: String, _ acknowledge: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(QuarryError) {
    partition = try RunPartition(
      dataset: "quarry", source: "shop", category: "default", day: "2026-11-24", runID: id)
    sink = dataset.sink(for: partition)
    self.acknowledge = acknowledge
  }

  func write(_ events: KeyValuePairs<String, [Int]>) throws(QuarryError) {
    var batch = RecordBatch(partition: partition, policy: "strict")
    for (type, seqs) in events {
      for seq in seqs {
        batch.append(.event, eventType: type) { out in
          JSONText.appendMember("seq", Int64(seq), to: &out)
          JSONText.appendMember("ts", "2026-11-24T10:00:00.000Z", to: &out)
        }
      }
    }
    try sink.write(batch)
    for seq in events.flatMap(\.value) { acknowledge("\(partition.runID) \(seq)") }
    for name in unlisted.take() { acknowledge("\(partition.runID) \(name)") }
  }

  func writeMetrics() throws(QuarryError) {
    var batch = RecordBatch(partition: partition, policy: "strict")
    batch.append(.metrics, eventType: "metrics") { out in JSONText.appendMember("ts", "2026-11-24T10:01:00Z", to: &out)
    }
    try sink.write(batch)
  }

  /// A file whose content is its name.
  func put(_ name: String) throws(QuarryError) {
    do {
      try Array(name.utf8).withUnsafeBytes { try sink.putFile(name: name, contentType: "text/plain", data: $0) }
    } catch let error as QuarryError { throw error } catch { throw QuarryError(.storage, "\(error)") }
    unlisted.add(name)
  }
}

/// Files that the run's next commit lists.
private final class Unlisted: Sendable {
  private let names = Mutex<[String]>([])

  func add(_ name: String) { names.withLock { $0.append(name) } }

  func take() -> [String] {
    names.withLock { names in
      defer { names = [] }
      return names
    }
  }
}
