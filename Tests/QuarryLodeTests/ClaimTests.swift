import Foundation
import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import TestTraits
import Testing

@Suite(.ownThread) struct ClaimTests {
  @Test func aStoredRunKeepsItsID() throws {
    let root = TemporaryDirectory()
    let dataset = LodeDataset(root: root.path)
    let run = try Run(dataset, id: "nightly/1", source: "other", category: "x")
    try run.sink.write(run.items(0..<1))
    let before = tree(root.path)
    let error = #expect(throws: QuarryError.self) { try dataset.claim(runID: "nightly/1") }
    #expect(error?.kind == .usage)
    #expect(error?.message.hasPrefix("run id 'nightly/1' is taken: \(root.path)/datasets") == true)
    #expect(tree(root.path) == before)
    try dataset.claim(runID: "nightly").release()
  }

  /// What one is as it stands the other is as it is escaped.
  @Test func idsThatLookAlikeAreTwo() throws {
    let root = TemporaryDirectory()
    let dataset = LodeDataset(root: root.path)
    for (id, items) in [("a/b", 0..<1), ("a%2Fb", 1..<2), ("a%252Fb", 2..<3)] {
      let claim = try dataset.claim(runID: id)
      let run = try Run(dataset, id: id)
      try run.sink.write(run.items(items))
      claim.release()
      #expect(throws: QuarryError.self) { try dataset.claim(runID: id) }
    }
    let reader = LodeReader(root: root.path)
    for (id, items) in [("a/b", [0]), ("a%2Fb", [1]), ("a%252Fb", [2])] {
      #expect(try reader.run(id)?.summary.runID == id)
      #expect(try sequence(reader, id) == items)
    }
  }

  @Test func oneOfManyGetsIt() throws {
    let root = TemporaryDirectory()
    let path = root.path
    let claims = Mutex<[RunClaim]>([])
    onThreads(8) { _ in
      if let claim = try? LodeDataset(root: path).claim(runID: "r") { claims.withLock { $0.append(claim) } }
    }
    #expect(claims.withLock { $0.count } == 1)
    let error = #expect(throws: QuarryError.self) { try LodeDataset(root: path).claim(runID: "r") }
    #expect(error?.message.hasPrefix("run id 'r' is running now in process \(getpid()) (") == true)
    #expect(error?.remedy == "choose another --run-id")
    claims.withLock { $0 = [] }
    #expect(tree(path) == [])
    try LodeDataset(root: path).claim(runID: "r").release()
  }

  @Test func aDatasetThatIsGoneOrReplacedIsNotBegunAgainByItsOldWriter() throws {
    let root = TemporaryDirectory()
    let dataset = LodeDataset(root: root.path, durability: .none)
    _ = try dataset.identity()
    let (run, later) = (try Run(dataset, id: "r1"), try Run(dataset, id: "r2"))
    try run.sink.write(run.items(1..<2))
    try FileManager.default.removeItem(atPath: root.path + "/datasets")
    #expect(throws: QuarryError.self) { try run.sink.write(run.items(2..<3)) }
    let gone = #expect(throws: QuarryError.self) { try later.sink.write(later.items(2..<3)) }
    #expect(gone?.kind == .storage && gone?.message.contains("is gone since") == true)
    #expect(throws: QuarryError.self) { try run.put("a.txt", "x") }
    #expect(throws: QuarryError.self) { try dataset.ledger.append(["{}"], fleet: "f", jobID: "j") }
    #expect(tree(root.path) == [])
    _ = try LodeDataset(root: root.path).identity()
    let replaced = #expect(throws: QuarryError.self) { try later.sink.write(later.items(2..<3)) }
    #expect(replaced?.message.contains("was replaced by another") == true)
    #expect(throws: QuarryError.self) { try run.sink.write(run.items(2..<3)) }
    #expect(tree(root.path) == ["datasets/quarry/.quarry/identity"])
  }

  /// Also by a writer that was told no identity: what it has written is elsewhere.
  @Test func aFolderThatWasMovedIsNotBegunAgainByItsOldWriter() throws {
    let root = TemporaryDirectory()
    let dataset = LodeDataset(root: root.path, durability: .none)
    let (run, later) = (try Run(dataset, id: "r1"), try Run(dataset, id: "r3"))
    try run.sink.write(run.items(1..<2))
    let (folder, elsewhere) = (root.path + "/datasets/quarry", root.path + "/elsewhere")
    try FileManager.default.moveItem(atPath: folder, toPath: elsewhere)
    let gone = #expect(throws: QuarryError.self) { try later.sink.write(later.items(2..<3)) }
    #expect(gone?.message == "the dataset \(folder) is gone since this process began: nothing more is written to it")
    #expect(throws: QuarryError.self) { try run.put("a.txt", "x") }
    #expect(!FileManager.default.fileExists(atPath: folder))
    let other = try Run(LodeDataset(root: root.path, durability: .none), id: "r2")
    try other.sink.write(other.items(1..<2))
    let replaced = #expect(throws: QuarryError.self) { try later.sink.write(later.items(2..<3)) }
    #expect(replaced?.message.contains("was replaced by another") == true)
    #expect(throws: QuarryError.self) { try run.sink.write(run.items(2..<3)) }
    #expect(try LodeReader(root: root.path).runs().rows.map(\.runID) == ["r2"])
    try FileManager.default.removeItem(atPath: folder)
    try FileManager.default.moveItem(atPath: elsewhere, toPath: folder)
    try run.sink.write(run.items(2..<3))
    #expect(try sequence(LodeReader(root: root.path), "r1") == [1, 2])
  }

  /// Whatever part of it, and whether or not a commit is under way: no more of the run goes where the first is not.
  @Test(arguments: [
    "", "datasets", "datasets/quarry", "datasets/quarry/partitions",
    "datasets/quarry/partitions/source=shop/category=default/day=2026-11-24",
    "datasets/quarry/partitions/source=shop/category=default/day=2026-11-24/run_id=r1/event_type=item",
  ])
  func whatARunStoredBeforeIsMissedWhenItIsMoved(_ part: String) throws {
    let folder = TemporaryDirectory()
    let isLate = Mutex(false)
    let root = "\(folder.path)/root"
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: false)
    let (place, elsewhere) = (part.isEmpty ? root : "\(root)/\(part)", "\(folder.path)/elsewhere")
    // Late: after the pointer has moved, when names are brought to the disk.
    let files = FileSystem { operation, path in
      guard operation == .sync, path == "\(root)/datasets/quarry", isLate.withLock({ $0 }) else { return nil }
      isLate.withLock { $0 = false }
      do { try FileManager.default.moveItem(atPath: place, toPath: elsewhere) } catch { Issue.record(error) }
      return nil
    }
    let run = try Run(LodeDataset(root: root, files: files), id: "r1")
    try run.sink.write(run.items(0..<2))
    for late in [false, true] {
      let stored = try sequence(LodeReader(root: root), "r1")
      isLate.withLock { $0 = late }
      if !late { try FileManager.default.moveItem(atPath: place, toPath: elsewhere) }
      for _ in 0..<2 {
        let error = #expect(throws: QuarryError.self) { try run.sink.write(run.items(2..<4)) }
        #expect(error?.kind == .storage)
        #expect(error?.message.hasPrefix("\(place) was moved or removed while run 'r1' stored") == true)
        #expect(error?.message.contains("visible") == false && error?.remedy?.contains("put it back") == true)
        #expect(!FileManager.default.fileExists(atPath: place))
      }
      try FileManager.default.moveItem(atPath: elsewhere, toPath: place)
      #expect(try sequence(LodeReader(root: root), "r1") == (late ? stored + [2, 3] : stored))
      // Tried again, it is stored once.
      try run.sink.write(run.items(2..<4))
      #expect(try faults(LodeReader(root: root)) == [])
    }
    #expect(try sequence(LodeReader(root: root), "r1") == [0, 1, 2, 3, 2, 3])
  }

  /// What lies behind one nobody reads.
  @Test(arguments: ["", "/source=shop", "/source=shop/category=default/day=2026-11-24"])
  func nothingIsStoredBehindALink(_ part: String) throws {
    let root = TemporaryDirectory()
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: "r1")
    try run.sink.write(run.items(1..<2))
    let place = "\(root.path)/datasets/quarry/partitions\(part)"
    try FileManager.default.moveItem(atPath: place, toPath: root.path + "/elsewhere")
    try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: root.path + "/elsewhere")
    let before = tree(root.path)
    for run in [run, try Run(LodeDataset(root: root.path, durability: .none), id: "r2")] {
      let error = #expect(throws: QuarryError.self) { try run.sink.write(run.items(2..<3)) }
      #expect(error?.message.contains("(\(place))") == true && error?.remedy?.contains("mount --bind") == true)
    }
    #expect(tree(root.path) == before)
  }

  /// As they are on file systems that make numbers up: what lies there counts, and not by which number.
  @Test func aFolderMayHaveAnotherNumber() throws {
    let root = TemporaryDirectory()
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: "r1")
    try run.sink.write(run.items(1..<2))
    let (folder, copy) = (root.path + "/datasets/quarry", root.path + "/copy")
    try FileManager.default.copyItem(atPath: folder, toPath: copy)
    try FileManager.default.removeItem(atPath: folder)
    try FileManager.default.moveItem(atPath: copy, toPath: folder)
    try run.sink.write(run.items(2..<3))
    #expect(try sequence(LodeReader(root: root.path), "r1") == [1, 2])
  }

  @Test func aDatasetKeepsOneIdentity() throws {
    let root = TemporaryDirectory()
    let path = root.path
    let ids = Mutex<Set<String>>([])
    onThreads(8) { _ in
      let id = try? LodeDataset(root: path).identity()
      ids.withLock { _ = $0.insert(id ?? "none") }
    }
    let id = try #require(ids.withLock { $0.count == 1 ? $0.first : nil })
    #expect(id.count == 36)
    #expect(tree(path) == ["datasets/quarry/.quarry/identity"])
    #expect(try LodeDataset(root: path, id: "other").identity() != id)
  }
}
