import Foundation
import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import Testing

@Suite struct CommitTests {
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

  @Test func onlyMetricsDoNotWaitForTheDisk() throws {
    let root = TemporaryDirectory()
    let syncs = Mutex(0)
    let files = FileSystem { operation, _ in
      if operation == .sync { syncs.withLock { $0 += 1 } }
      return nil
    }
    let run = try Run(LodeDataset(root: root.path, files: files), id: "r")
    func syncsOf(_ body: () throws -> Void) rethrows -> Int {
      let before = syncs.withLock { $0 }
      try body()
      return syncs.withLock { $0 } - before
    }
    #expect(try syncsOf { try run.sink.write(run.items(0..<1)) } == 2)
    #expect(try syncsOf { try run.sink.write(run.batch { $0.addMetrics(completed: 1) }) } == 0)
    try run.put("a.txt", "hello")
    #expect(try syncsOf { try run.sink.write(run.batch { $0.addMetrics(completed: 1) }) } == 2, "it lists a file")
    #expect(try LodeReader(root: root.path).chain().rows.count == 3)
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

  @Test func aLockThatStaysTakenEndsAtTheDeadline() throws {
    let root = TemporaryDirectory()
    let first = try Run(LodeDataset(root: root.path), id: "r1")
    try first.sink.write(first.items(0..<1))
    let held = open("\(root.path)/datasets/quarry/latest.lock", O_RDWR)
    defer { close(held) }
    #expect(flock(held, LOCK_EX) == 0)
    let second = try Run(LodeDataset(root: root.path, deadline: .milliseconds(50)), id: "r2")
    let error = #expect(throws: QuarryError.self) { try second.sink.write(second.items(0..<1)) }
    #expect(error?.message.contains("latest.lock stayed locked by another process") == true)
    flock(held, LOCK_UN)
    try second.sink.write(second.items(0..<1))
    #expect(try sequence(LodeReader(root: root.path), "r2") == [0])
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
