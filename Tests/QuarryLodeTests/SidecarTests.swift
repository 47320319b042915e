import Foundation
import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import Testing

@Suite struct SidecarTests {
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
