import Foundation
import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import TestTraits
import Testing

@Suite(.ownThread) struct CommitTests {
  @Test func commitsFormAChain() throws {
    let root = TemporaryDirectory()
    let run = try Run(LodeDataset(root: root.path), id: "r1")
    for index in 0..<10 { try run.sink.write(run.items(index * 3..<index * 3 + 3)) }
    let reader = LodeReader(root: root.path)
    #expect(try faults(reader) == [])
    #expect(try reader.chain().rows.count == 10)
    #expect(try sequence(reader, "r1") == Array(0..<30))
    #expect(text("\(root.path)/datasets/quarry/latest") == (try reader.chain().rows.first?.id.description))
  }

  /// Each dataset object has descriptors of its own, so their locks exclude each other as those of processes do.
  @Test(.timeLimit(.minutes(1)), arguments: [Durability.none, .commit])
  func sixteenWritersNeverFailEachOther(_ durability: Durability) throws {
    let root = TemporaryDirectory()
    let path = root.path
    let rounds = durability == .none ? 20 : 4
    let errors = Mutex<[String]>([])
    onThreads(16) { index in
      do {
        let run = try Run(LodeDataset(root: path, durability: durability), id: "r\(index)")
        for round in 0..<rounds { try run.sink.write(run.items(round..<round + 1)) }
      } catch { errors.withLock { $0.append("\(error)") } }
    }
    #expect(errors.withLock { $0 } == [])
    let reader = LodeReader(root: path)
    #expect(try faults(reader) == [])
    #expect(try reader.chain().rows.count == 16 * rounds)
    for index in 0..<16 { #expect(try sequence(reader, "r\(index)") == Array(0..<rounds)) }
    #expect(try reader.runs().rows.count == 16)
  }

  @Test func writersOfOneProcessShareSnapshots() throws {
    let root = TemporaryDirectory()
    let dataset = LodeDataset(root: root.path)
    let errors = Mutex<[String]>([])
    onThreads(32) { index in
      do {
        let run = try Run(dataset, id: "r\(index)")
        for round in 0..<5 { try run.sink.write(run.items(round..<round + 1)) }
      } catch { errors.withLock { $0.append("\(error)") } }
    }
    #expect(errors.withLock { $0 } == [])
    let reader = LodeReader(root: root.path)
    #expect(try faults(reader) == [])
    let snapshots = try reader.chain().rows
    #expect(snapshots.count < 120)
    #expect(snapshots.reduce(0) { $0 + $1.rowCount } == 160)
    for index in 0..<32 { #expect(try sequence(reader, "r\(index)") == Array(0..<5)) }
  }

  @Test func aSnapshotWithFilesHoldsOneRun() throws {
    let root = TemporaryDirectory()
    let dataset = LodeDataset(root: root.path, durability: .none)
    onThreads(16) { index in
      guard let run = try? Run(dataset, id: "r\(index)") else { return }
      for round in 0..<6 {
        if index % 3 == 0 { try? run.put("f\(round)", "x") }
        try? run.sink.write(run.items(round..<round + 1))
      }
    }
    let reader = LodeReader(root: root.path)
    #expect(try faults(reader) == [])
    var files = 0
    for manifest in try reader.chain().rows where !manifest.sidecarFiles.isEmpty {
      files += manifest.sidecarFiles.count
      let runs = Set(manifest.files.compactMap { reader.layout.partition(ofDataKey: $0.path).flatMap { RunPath($0) } })
      #expect(runs.count == 1)
      #expect(manifest.sidecarFiles.allSatisfy { $0.path.contains(runs.first?.path ?? "none") })
    }
    #expect(files == 36)
  }

  /// Every commit, that of a run's metrics too: the next one's chain goes through it.
  @Test func whatIsNamedIsOnTheDiskFirst() throws {
    let root = TemporaryDirectory()
    let disk = Disk(root.path)
    let run = try Run(LodeDataset(root: root.path, files: disk.files), id: "r")
    try run.sink.write(run.items(0..<1))
    disk.expectDurable("the first commit")
    try run.sink.write(
      run.batch {
        $0.addEvent("item", seq: 1); $0.addEvent("log", seq: 2)
      })
    disk.expectDurable("another event type")
    try run.put("a.txt", "hello")
    #expect(throws: QuarryError.self) { try run.put("a.txt", "again") }
    try run.sink.write(run.items(3..<4))
    disk.expectDurable("a file")
    try run.sink.write(run.batch { $0.addMetrics(completed: 1) })
    disk.expectDurable("metrics")
    // Another commits in between, so that data and manifest lie under two ids.
    let other = try Run(LodeDataset(root: root.path, files: disk.files, clock: stillClock(1 << 62)), id: "later")
    try other.sink.write(other.items(0..<1))
    try run.sink.write(run.items(4..<5))
    disk.expectDurable("data below an older id")
    #expect(disk.moves == 6)
  }

  /// After the pointer moved only its durability is in doubt: what is tried again is not committed again.
  @Test func whatIsVisibleIsNotStoredAgain() throws {
    let root = TemporaryDirectory()
    let dataset = "\(root.path)/datasets/quarry"
    // The moved pointer's entry, twice.
    let left = Mutex<(moved: Bool, failures: Int)>((false, 2))
    let files = FileSystem { operation, path in
      left.withLock { left in
        if operation == .rename, path == "\(dataset)/latest" { left.moved = true }
        guard operation == .sync, left.moved, left.failures > 0, path == dataset else { return nil }
        left.failures -= 1
        return .failure(EIO)
      }
    }
    let run = try Run(LodeDataset(root: root.path, files: files), id: "r1")
    try run.put("a.txt", "hello")
    for batch in [run.items(0..<2), run.items(0..<3)] {
      #expect(throws: QuarryError.self) { try run.sink.write(batch) }
      #expect(run.sink.isInDoubt)
      #expect(try sequence(LodeReader(root: root.path), "r1") == [0, 1])
    }
    try run.sink.write(run.items(0..<4))
    #expect(!run.sink.isInDoubt)
    try run.sink.write(run.items(4..<5))
    let reader = LodeReader(root: root.path)
    #expect(try sequence(reader, "r1") == [0, 1, 2, 3, 4])
    #expect(try faults(reader) == [])
    #expect(try reader.chain().rows.map(\.sidecarFiles.count).reduce(0, +) == 1)
  }

  /// What a link in its place leads to is not written over.
  @Test func aLockThatIsALinkIsRefused() throws {
    let root = TemporaryDirectory()
    let run = try Run(LodeDataset(root: root.path), id: "r1")
    try run.sink.write(run.items(0..<1))
    let lock = "\(root.path)/datasets/quarry/latest.lock"
    try FileManager.default.removeItem(atPath: lock)
    try "precious".write(toFile: "\(root.path)/precious", atomically: true, encoding: .utf8)
    try FileManager.default.createSymbolicLink(atPath: lock, withDestinationPath: "\(root.path)/precious")
    let other = try Run(LodeDataset(root: root.path), id: "r2")
    #expect(throws: QuarryError.self) { try other.sink.write(other.items(0..<1)) }
    #expect(text("\(root.path)/precious") == "precious")
  }

  @Test func withoutDurabilityNothingWaitsForTheDisk() throws {
    let root = TemporaryDirectory()
    let syncs = Mutex(0)
    let files = FileSystem { operation, _ in
      if operation == .sync { syncs.withLock { $0 += 1 } }
      return nil
    }
    let run = try Run(LodeDataset(root: root.path, durability: .none, files: files), id: "r")
    try run.put("a.txt", "hello")
    try run.sink.write(run.items(0..<1))
    #expect(syncs.withLock { $0 } == 0)
  }

  @Test func timeThatGoesBackDoesNotBreakTheOrder() throws {
    let root = TemporaryDirectory()
    for (index, time) in [5_000, 3_000, 9_000, 1].enumerated() {
      let dataset = LodeDataset(root: root.path, clock: stillClock(1_764_000_000_000_000_000 + Int64(time)))
      let run = try Run(dataset, id: "r\(index)")
      try run.sink.write(run.items(0..<1))
    }
    let reader = LodeReader(root: root.path)
    #expect(try faults(reader) == [])
    #expect(try reader.chain().rows.map { $0.id.value % 100_000 } == [9_001, 9_000, 5_001, 5_000])
    #expect(try reader.runs().rows.count == 4)
  }

  @Test func aReplacedLockFileIsNoticed() throws {
    let root = TemporaryDirectory()
    let run = try Run(LodeDataset(root: root.path), id: "r1")
    try run.sink.write(run.items(0..<1))
    try FileManager.default.removeItem(atPath: "\(root.path)/datasets/quarry/latest.lock")
    try run.sink.write(run.items(1..<2))
    #expect(FileManager.default.fileExists(atPath: "\(root.path)/datasets/quarry/latest.lock"))
    #expect(try faults(LodeReader(root: root.path)) == [])
  }
}
