import Foundation
import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import TestTraits
import Testing

@Suite(.ownThread) struct SidecarTests {
  private let files = "datasets/quarry/partitions/source=shop/category=default/day=2026-11-24/run_id=r%20/files"

  @Test func fileAndTypeLieWhereTheKeySays() throws {
    let root = TemporaryDirectory()
    let run = try Run(LodeDataset(root: root.path), id: "r ")
    try run.put("a b.txt", "hello", type: "text/plain; charset=\"utf-8\"")
    #expect(run.partition.fileKey("a b.txt") == "\(files)/a b.txt")
    #expect(text("\(root.path)/\(files)/a b.txt") == "hello")
    #expect(
      text("\(root.path)/\(files)/a b.txt.meta.json") == #"{"content_type":"text/plain; charset=\"utf-8\""}"#)
    #expect(tree("\(root.path)/\(files)").count == 2)
  }

  @Test func theNextSnapshotThatIsNotOnlyChunksListsIt() throws {
    let root = TemporaryDirectory()
    let run = try Run(LodeDataset(root: root.path), id: "r ")
    try run.put("a", "hello")
    try run.sink.write(run.batch { $0.addChunk(artifact: "x", seq: 1, last: true, length: 3) })
    let reader = LodeReader(root: root.path)
    #expect(try reader.chain().rows.flatMap(\.sidecarFiles) == [])
    try run.sink.write(run.batch { $0.addMetrics(completed: 1) })
    try run.sink.write(run.items(0..<1))
    let listed = try reader.chain().rows.map(\.sidecarFiles)
    let file = SidecarFile(path: "\(files)/a", filename: "a", contentType: "text/plain", size: 5)
    #expect(listed == [[], [file], []])
    #expect(try reader.run("r ")?.sidecarFiles == [file])
  }

  @Test func aNameIsTakenOnce() throws {
    let root = TemporaryDirectory()
    let path = root.path
    let run = try Run(LodeDataset(root: path), id: "r ")
    try run.put("a", "first")
    for name in ["a", "a.meta.json"] {
      let error = #expect(throws: QuarryError.self) { try run.put(name, "second") }
      #expect(error?.message == "the file '\(name)' is there already in run r ")
    }
    #expect(text("\(path)/\(files)/a") == "first")
    try run.put("b.meta.json", "mine")
    #expect(throws: QuarryError.self) { try run.put("b", "x") }
    #expect(text("\(path)/\(files)/b.meta.json") == "mine")
    #expect(text("\(path)/\(files)/b") == nil)

    let winners = Mutex(0)
    onThreads(8) { index in
      guard let other = try? Run(LodeDataset(root: path), id: "r ") else { return }
      if (try? other.put("race", "\(index)")) != nil { winners.withLock { $0 += 1 } }
    }
    #expect(winners.withLock { $0 } == 1)
    #expect(tree("\(path)/\(files)").filter { $0.hasPrefix(".") } == [])
  }

  @Test(arguments: ["", "a/b", "a\\b", "..", "a..b", ".", ".lode-cas-1", "a\0b"])
  func aBadNameIsRefused(_ name: String) throws {
    let root = TemporaryDirectory()
    let run = try Run(LodeDataset(root: root.path), id: "r ")
    #expect(throws: QuarryError.self) { try run.put(name, "x") }
    #expect(tree(root.path) == [])
  }

  @Test func aFailedPutLeavesTheNameFree() throws {
    let root = TemporaryDirectory()
    let faulty = Faults()
    let dataset = LodeDataset(root: root.path, files: faulty.files)
    let run = try Run(dataset, id: "r ")
    try run.put("warm", "up")
    let before = faulty.count
    try run.put("probe", "x")
    for point in 0..<(faulty.count - before) {
      for fault in [FileSystem.Fault.failure(ENOSPC), .tornWrite(ENOSPC)] {
        faulty.fail(at: point, with: fault, staysDown: false)
        do { try run.put("f\(point)", "x") } catch {
          faulty.heal()
          #expect(text("\(root.path)/\(files)/f\(point)") == nil)
          try run.put("f\(point)", "x")
        }
        faulty.heal()
        #expect(text("\(root.path)/\(files)/f\(point)") == "x")
        try FileManager.default.removeItem(atPath: "\(root.path)/\(files)/f\(point)")
        try FileManager.default.removeItem(atPath: "\(root.path)/\(files)/f\(point).meta.json")
      }
    }
  }

  /// A collector would not see that its run goes on.
  @Test func aFileWhoseFolderCannotBeHeldIsRefused() throws {
    let root = TemporaryDirectory()
    let fails = Mutex(true)
    let faulty = FileSystem { operation, path in
      operation == .lock && path.hasSuffix("/files") && fails.withLock { $0 } ? .failure(EMFILE) : nil
    }
    let run = try Run(LodeDataset(root: root.path, durability: .none, files: faulty), id: "r ")
    let error = #expect(throws: QuarryError.self) { try run.put("a", "1") }
    #expect(error?.message.contains("cannot lock") == true && error?.remedy?.contains("ulimit") == true)
    #expect(tree(root.path) == [])
    fails.withLock { $0 = false }
    try run.put("a", "1")
    try run.sink.write(run.items(0..<1))
    #expect(try LodeReader(root: root.path).run("r ")?.sidecarFiles.map(\.filename) == ["a"])
  }

  @Test(arguments: ["a", "a.meta.json"]) func aFileThatIsGoneIsNotListed(_ name: String) throws {
    let root = TemporaryDirectory()
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: "r ")
    try run.put("a", "1")
    try FileManager.default.removeItem(atPath: "\(root.path)/\(files)/\(name)")
    let error = #expect(throws: QuarryError.self) { try run.sink.write(run.items(0..<1)) }
    #expect(error?.message.contains("\(files)/\(name)") == true)
    #expect(try LodeReader(root: root.path).chain().rows == [])
  }

  @Test func aFileStaysHeldWhenAnotherWriteListsNothing() throws {
    let root = TemporaryDirectory()
    let folder = "\(root.path)/\(files)"
    let other = Mutex<Run?>(nil)
    let isHeld = Mutex<Bool?>(nil)
    let watched = FileSystem { operation, path in
      guard operation == .createFile, path.contains("/event_type=item/"),
        let run = other.withLock({ run in
          defer { run = nil }; return run
        })
      else { return nil }
      do { try run.sink.write(run.batch { $0.addMetrics(completed: 1) }) } catch { Issue.record(error) }
      let descriptor = open(folder, O_RDONLY)
      isHeld.withLock { $0 = flock(descriptor, LOCK_EX | LOCK_NB) != 0 }
      close(descriptor)
      return nil
    }
    let run = try Run(LodeDataset(root: root.path, durability: .none, files: watched), id: "r ")
    try run.put("a", "1")
    other.withLock { $0 = run }
    try run.sink.write(run.items(0..<1))
    #expect(isHeld.withLock { $0 } == true)
    #expect(try LodeReader(root: root.path).chain().rows.map(\.sidecarFiles.count) == [1, 0])
  }

  @Test func aFailedCommitKeepsThemForTheNext() throws {
    let root = TemporaryDirectory()
    let faulty = Faults()
    let run = try Run(LodeDataset(root: root.path, files: faulty.files), id: "r ")
    try run.put("a", "1")
    faulty.fail(at: 0, with: .failure(ENOSPC), staysDown: true)
    #expect(throws: QuarryError.self) { try run.sink.write(run.items(0..<1)) }
    faulty.heal()
    try run.put("b", "2")
    try run.sink.write(run.items(0..<1))
    #expect(try LodeReader(root: root.path).run("r ")?.sidecarFiles.map(\.filename) == ["a", "b"])
  }
}
