import Foundation
import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import TestTraits
import Testing

/// What crashed writers leave is removed, and nothing else, whatever goes on beside it.
@Suite(.ownThread) struct CollectorTests {
  private let root = AccentedRoot()
  private var reader: LodeReader { LodeReader(root: root.path) }
  private var dataset: LodeDataset { LodeDataset(root: root.path, durability: .none) }

  /// Makes everything in the dataset look two hours old.
  private func age() throws {
    let old = Date(timeIntervalSinceNow: -7_200)
    for path in FileManager.default.enumerator(atPath: root.path)?.allObjects as? [String] ?? [] {
      try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: "\(root.path)/\(path)")
    }
  }

  @discardableResult
  private func collect(
    removes: Bool = true, files: FileSystem = FileSystem()
  ) throws -> [LeftoverFate: [String]] {
    var fates: [LeftoverFate: [String]] = [:]
    let collector = LeftoverCollector(root: root.path, dataset: "quarry", age: .seconds(3_600), files: files)
    try collector.collect(removes: removes) { fates[$1, default: []].append($0.path) }
    return fates
  }

  private func errors() throws -> [Finding] {
    var errors: [Finding] = []
    _ = try reader.verify { if $0.severity == .error { errors.append($0) } }
    return errors
  }

  private func leftovers() throws -> [String] {
    var found: [String] = []
    _ = try reader.verify { if $0.kind == .leftover { found.append($0.place) } }
    return found
  }

  private func store(_ id: String, _ seqs: Range<Int> = 1..<4) throws {
    let run = try Run(dataset, id: id)
    try run.put("\(id).txt", "hello")
    try run.sink.write(run.items(seqs))
  }

  /// A crash at each operation of a commit: then all that is no data goes, and all that is stays.
  /// A time that no number of nanoseconds reaches.
  @Test func whatIsFromAFarFutureIsYoung() throws {
    let path = "\(root.path)/datasets/quarry/.lode-cas-far"
    try put("x", at: path)
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 10_413_792_000)], ofItemAtPath: path)
    var fates: [LeftoverFate] = []
    try LeftoverCollector(root: root.path, dataset: "quarry", age: .seconds(3_600)).collect(removes: true) {
      fates.append($1)
    }
    #expect(fates == [.young])
  }

  @Test(arguments: [FileSystem.Fault.failure(EIO), .tornWrite(EIO)])
  func afterACrashAnywhereOnlyTheLeftoversGo(_ fault: FileSystem.Fault) throws {
    func work(_ path: String, _ files: FileSystem) throws {
      let run = try Run(LodeDataset(root: path, files: files), id: "dying")
      do {
        try run.sink.write(
          run.batch {
            $0.addEvent("item", seq: 1); $0.addEvent("log", seq: 2)
          })
        do { try run.put("a.txt", "hello") } catch is QuarryError {}
        try run.sink.write(run.items(3..<4))
      } catch is QuarryError {}
    }
    let counting = Faults()
    let whole = TemporaryDirectory()
    try CollectorCase(root: whole.path).store("earlier")
    try work(whole.path, counting.files)
    for point in 0..<counting.count {
      let root = TemporaryDirectory()
      let dataset = CollectorCase(root: root.path)
      try dataset.store("earlier")
      let crash = Faults()
      crash.fail(at: point, with: fault, staysDown: true)
      try work(root.path, crash.files)
      let before = try dataset.lines()
      try dataset.age()
      let fates = try dataset.collect()
      #expect(fates.keys.allSatisfy { $0 == .removed }, "\(fates) after a crash at \(point)")
      #expect(
        try dataset.findings().filter { $0.severity == .error || $0.kind == .leftover } == [], "crash at \(point)")
      #expect(try dataset.lines() == before, "crash at \(point)")
      try dataset.store("next")
      #expect(try dataset.findings().filter { $0.severity == .error } == [])
    }
  }

  @Test func aDryRunAndWhatIsYoungChangeNothing() throws {
    try store("r")
    try put("x", at: "\(reader.layout.folder)/.lode-cas-1")
    let before = tree(root.path)
    #expect(try collect().keys.sorted { $0.rawValue < $1.rawValue } == [.young])
    try age()
    #expect(try collect(removes: false) == [.removable: ["\(reader.layout.folder)/.lode-cas-1"]])
    #expect(tree(root.path) == before)
    #expect(try collect() == [.removed: ["\(reader.layout.folder)/.lode-cas-1"]])
    #expect(try collect() == [:])
  }

  @Test func whatOthersKeepThereStays() throws {
    try store("r")
    let folder = reader.layout.folder
    let others = [
      "\(folder)/README", "\(folder)/.quarry/identity", "\(folder)/partitions/x/y",
    ]
    for path in others { try put("x", at: path) }
    let before = tree(root.path)
    try age()
    #expect(try collect() == [:])
    #expect(tree(root.path) == before)
  }

  @Test func aClaimGoesWhenItsProcessIsDead() throws {
    try store("r")
    let claim = try dataset.claim(runID: "going")
    try put("", at: "\(reader.layout.claims)/died")
    try age()
    #expect(try collect() == [.removed: ["\(reader.layout.claims)/died"]])
    #expect(throws: QuarryError.self) { try dataset.claim(runID: "going") }
    claim.release()
    try dataset.claim(runID: "going").release()
    try age()
    #expect(try collect() == [:])
  }

  @Test func aRunThatGoesOnKeepsItsFiles() throws {
    try store("r")
    let run = try Run(dataset, id: "goes-on")
    try run.put("a.txt", "hello")
    try age()
    let held = try collect()
    #expect(held[.held]?.count == 2 && held[.removed] == nil, "\(held)")
    try run.sink.write(run.items(1..<2))
    try age()
    #expect(try collect() == [:])
    #expect(try errors() == [])
  }

  @Test func filesOfARunThatDiedGo() throws {
    try store("r")
    try Run(dataset, id: "died").put("a.txt", "hello")
    try age()
    #expect(try collect()[.removed]?.count == 2)
    #expect(try leftovers() == [])
    #expect(!tree(root.path).contains { $0.contains("run_id=died") })
  }

  @Test func aCommitThatComesInBetweenIsKept() throws {
    try store("r1")
    try store("r2")
    // The newest snapshot is taken back, to be there again when the collector asks for the lock.
    let rows = try reader.chain().rows
    let manifests = tree(root.path).filter { $0.hasSuffix("/\(rows[0].id)/manifest.json") }.map { "\(root.path)/\($0)" }
    let texts = try manifests.map { try #require(text($0)) }
    for path in manifests { try FileManager.default.removeItem(atPath: path) }
    let (pointer, head, before) = (reader.layout.pointer, rows[0].id, rows[1].id)
    try put("\(before)", at: pointer)
    try put("", at: reader.layout.lock)
    try age()
    let isBack = Mutex(false)
    let files = FileSystem { operation, _ in
      guard operation == .lock,
        isBack.withLock({ back in
          defer { back = true }; return !back
        })
      else { return nil }
      for (path, text) in zip(manifests, texts) { try? put(text, at: path) }
      try? put("\(head)", at: pointer)
      return nil
    }
    let fates = try collect(files: files)
    #expect(isBack.withLock { $0 })
    #expect(fates[.removed] == nil, "\(fates)")
    #expect(try errors() == [])
    #expect(try sequence(reader, "r2") == [1, 2, 3])
  }

  /// A collector whose clock is a day ahead takes what was written just now for a leftover.
  @Test func aCollectorWithAClockAheadCausesNoSilentLoss() throws {
    try store("r1")
    let collects = Mutex(true)
    let path = root.path
    let files = FileSystem { operation, _ in
      guard operation == .lock,
        collects.withLock({ wanted in
          defer { wanted = false }; return wanted
        })
      else { return nil }
      let ahead = Timestamp(nanoseconds: Timestamp.now().nanoseconds + 86_400_000_000_000)
      let collector = LeftoverCollector(root: path, dataset: "quarry", age: .seconds(3_600), now: ahead)
      _ = try? collector.collect(removes: true) { _, _ in }
      return nil
    }
    let run = try Run(LodeDataset(root: root.path, durability: .none, files: files), id: "live")
    let error = #expect(throws: QuarryError.self) { try run.sink.write(run.items(1..<2)) }
    #expect(error?.message.contains("cannot publish") == true, "\(String(describing: error))")
    try run.sink.write(run.items(1..<2))
    #expect(try errors() == [] && sequence(reader, "live") == [1])
  }

  @Test func theTimeOfADiskIsThatOfItsFiles() throws {
    try store("r1")
    let store = DiskStore(root: root.path)
    let before = tree(root.path)
    let path = "\(root.path)/probe"
    try put("x", at: path)
    let earlier = try #require(store.modified(path))
    let now = store.now(in: reader.layout.folder)
    try FileManager.default.removeItem(atPath: path)
    try put("x", at: path)
    let later = try #require(store.modified(path))
    try FileManager.default.removeItem(atPath: path)
    #expect(earlier <= now && now <= later)
    #expect(tree(root.path) == before)
    _ = store.now(in: "\(root.path)/gone")
  }

  /// Its data was written, then the process stood still for so long that a collector took it for a leftover.
  @Test func aWriterThatWasStoppedLosesNothingSilently() throws {
    try store("r1")
    let now = Mutex(Timestamp.now().nanoseconds)
    let collects = Mutex(false)
    let path = root.path
    let files = FileSystem { operation, _ in
      guard operation == .lock,
        collects.withLock({ wanted in
          defer { wanted = false }; return wanted
        })
      else { return nil }
      try? CollectorCase(root: path).age()
      _ = try? CollectorCase(root: path).collect()
      now.withLock { $0 += 7_200_000_000_000 }
      return nil
    }
    let clock = SnapshotClock { Timestamp(nanoseconds: now.withLock { $0 }) }
    let run = try Run(LodeDataset(root: root.path, durability: .none, files: files, clock: clock), id: "stopped")
    try run.sink.write(run.items(1..<2))
    collects.withLock { $0 = true }
    let error = #expect(throws: QuarryError.self) { try run.sink.write(run.items(2..<3)) }
    #expect(error?.message.contains("cannot publish") == true, "\(String(describing: error))")
    #expect(try errors() == [] && sequence(reader, "stopped") == [1])
    try run.sink.write(run.items(2..<3))
    #expect(try errors() == [] && sequence(reader, "stopped") == [1, 2])
  }

  @Test func aDatasetThatIsDamagedIsLeftAlone() throws {
    for id in ["r1", "r2", "r3"] { try store(id) }
    try put("x", at: "\(reader.layout.folder)/.lode-cas-1")
    try age()
    let middle = try reader.chain().rows[1]
    let manifests = tree(root.path).filter { $0.hasSuffix("/\(middle.id)/manifest.json") }.map { "\(root.path)/\($0)" }
    let manifest = try #require(text(manifests[0]))
    for path in manifests { try FileManager.default.removeItem(atPath: path) }
    try put("{", at: manifests[0])
    let before = tree(root.path)
    let error = #expect(throws: QuarryError.self) { try collect() }
    #expect(error?.message.contains("not known what counts") == true)
    #expect(error?.remedy?.contains("lode verify") == true)
    try put(manifest, at: manifests[0])
    try FileManager.default.removeItem(atPath: reader.layout.pointer)
    #expect(throws: QuarryError.self) { try collect() }
    #expect(tree(root.path) == before.filter { !$0.hasSuffix("/latest") })
  }

  /// Replaces the manifests of a snapshot.
  private func rewrite(_ id: SnapshotID, _ change: (String) -> String) throws {
    let paths = tree(root.path).filter { $0.hasSuffix("/\(id)/manifest.json") }.map { "\(root.path)/\($0)" }
    let first = try #require(paths.first)
    let changed = change(try #require(text(first)))
    for path in paths {
      try FileManager.default.removeItem(atPath: path)
      try put(changed, at: path)
    }
  }

  private func expectRefusal(
    says text: String, _ kind: Finding.Kind = .manifest, _ location: SourceLocation = #_sourceLocation
  ) throws {
    try age()
    let before = tree(root.path)
    let error = #expect(throws: QuarryError.self, sourceLocation: location) { try collect() }
    #expect(error?.message.contains(text) == true, "\(String(describing: error))", sourceLocation: location)
    #expect(tree(root.path) == before, sourceLocation: location)
    #expect(try errors().contains { $0.kind == kind && $0.message.contains(text) }, sourceLocation: location)
  }

  /// The next writer went on below it, so that the chain shows nothing.
  @Test func aHeadThatWasDamagedAndPassedByKeepsItsData() throws {
    for id in ["r1", "r2"] { try store(id) }
    let head = try reader.chain().rows[0].id
    try rewrite(head) { _ in "{" }
    try store("r3")
    #expect(try reader.chain().warnings == [])
    try expectRefusal(says: "snapshot \(head) is lost", .chain)
    #expect(try errors().contains { $0.message.contains("not on its chain, and it cannot be read") })
  }

  @Test func aSnapshotThatAnotherLeftOutKeepsItsData() throws {
    for id in ["r1", "r2", "r3"] { try store(id) }
    let rows = try reader.chain().rows
    try rewrite(rows[0].id) { $0.replacing("\(rows[1].id)\"", with: "\(rows[2].id)\"") }
    try expectRefusal(says: "/data/data is there")
  }

  @Test func aChainThatEndsTooSoonIsLeftAlone() throws {
    for id in ["r1", "r2", "r3"] { try store(id) }
    let rows = try reader.chain().rows
    let parent = #""parent_snapshot_id": "\#(rows[1].id)""#
    try rewrite(rows[0].id) { $0.replacing(parent, with: #""parent_snapshot_id": null"#) }
    try expectRefusal(says: "/data/data is there")
  }

  /// Someone put an old `latest` back: what was committed after it may be wanted.
  @Test func whatFollowsAnOldPointerIsLeftAlone() throws {
    for id in ["r1", "r2", "r3", "r4"] { try store(id) }
    let rows = try reader.chain().rows
    try FileManager.default.removeItem(atPath: reader.layout.pointer)
    try put("\(rows[2].id)", at: reader.layout.pointer)
    try expectRefusal(says: "as if that file were an old one", .pointer)
  }

  /// `0` is what a bucket has before its first commit: on a disk somebody put it there.
  @Test(arguments: ["0", "hello", "", "+17", "00", "\u{FEFF}17"])
  func aPointerToNothingCostsNothing(_ content: String) throws {
    for id in ["r1", "r2"] { try store(id) }
    try put(content, at: reader.layout.pointer)
    try age()
    let all = tree(root.path)
    let error = #expect(throws: QuarryError.self) { try collect() }
    #expect(error?.message.contains("latest names no snapshot") == true, "\(String(describing: error))")
    #expect(tree(root.path) == all)
    #expect(try errors().map(\.kind).contains(.pointer))
  }

  /// What a link in a dataset leads to may be another dataset's.
  @Test func linksAreNotFollowed() throws {
    let elsewhere = TemporaryDirectory()
    let other = CollectorCase(root: elsewhere.path)
    try other.store("r1")
    try store("r2")
    let linked = "\(reader.layout.partitions)/source=linked"
    try FileManager.default.createSymbolicLink(
      atPath: linked, withDestinationPath: "\(elsewhere.path)/datasets/quarry/partitions")
    try other.age()
    try age()
    #expect(try collect() == [:])
    #expect(try other.lines().count > 0)
  }

  /// Its data is gone, so nothing can be lost with it.
  @Test func anOldManifestWithoutDataIsALeftover() throws {
    for id in ["r1", "r2"] { try store(id) }
    let rows = try reader.chain().rows
    var old = rows[1]
    old.id = SnapshotID(17)
    old.parent = nil
    old.files[0].path += "-gone"
    old.sidecarFiles = []
    let path = "\(reader.layout.folder)/segments/17/manifest.json"
    try put(String(decoding: old.encoded, as: UTF8.self), at: path)
    try age()
    #expect(try collect() == [.removed: [path]])
    #expect(try errors() == [])
  }

  @Test func whatTheSystemKeepsIsToldWithItsReason() throws {
    try store("r")
    let path = "\(reader.layout.folder)/.lode-cas-1"
    let empty = "\(reader.layout.partitions)/source=gone"
    try put("x", at: path)
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: false)
    try age()
    let files = FileSystem { operation, _ in operation == .remove ? .failure(EACCES) : nil }
    let collector = LeftoverCollector(root: root.path, dataset: "quarry", age: .seconds(3_600), files: files)
    var problems: [String: String?] = [:]
    try collector.collect(removes: true) { leftover, fate in
      #expect(fate == .failed)
      problems[leftover.path] = leftover.problem
    }
    #expect(problems == [path: "Permission denied", empty: "Permission denied"])
  }

  /// It would lock a file that nobody else looks at.
  @Test func aLockThatWasReplacedIsTakenAgain() throws {
    try store("r")
    let path = "\(reader.layout.folder)/.lode-cas-1"
    try put("x", at: path)
    try age()
    let isReplaced = Mutex(false)
    let lock = reader.layout.lock
    let files = FileSystem { operation, _ in
      guard operation == .lock,
        isReplaced.withLock({ replaced in
          defer { replaced = true }; return !replaced
        })
      else { return nil }
      unlink(lock)
      return nil
    }
    #expect(try collect(files: files) == [.removed: [path]])
    #expect(isReplaced.withLock { $0 })
  }

  @Test func itWaitsForTheLockAndNoLonger() throws {
    try store("r1")
    try put("x", at: "\(reader.layout.folder)/.lode-cas-1")
    try age()
    let lock = open(reader.layout.lock, O_RDWR)
    defer { close(lock) }
    #expect(flock(lock, LOCK_EX) == 0)
    let collector = LeftoverCollector(root: root.path, dataset: "quarry", age: .seconds(3_600), deadline: .zero)
    #expect(throws: QuarryError.self) { try collector.collect(removes: true) { _, _ in } }
    #expect(FileManager.default.fileExists(atPath: "\(reader.layout.folder)/.lode-cas-1"))
  }

  @Test func writersAndCollectorsDoNotDisturbEachOther() throws {
    try store("first")
    let path = root.path
    let failures = Mutex<[String]>([])
    let planted = 200
    for index in 0..<planted {
      let place =
        "partitions/source=dead/category=c/day=2026-11-24/run_id=d\(index % 9)/event_type=item/segments/\(index + 1)"
      try put("x", at: "\(reader.layout.folder)/\(place)/data/data")
    }
    try age()
    onThreads(8) { index in
      do {
        if index < 2 {
          for _ in 0..<5 { _ = try CollectorCase(root: path).collect() }
        } else {
          let run = try Run(LodeDataset(root: path, durability: .none), id: "w\(index)")
          for round in 0..<20 {
            try run.put("f\(round)", "x")
            try run.sink.write(run.items(round + 1..<round + 2))
          }
        }
      } catch { failures.withLock { $0.append("\(error)") } }
    }
    #expect(failures.withLock { $0 } == [])
    #expect(try errors() == [])
    #expect(try leftovers() == [])
    for index in 2..<8 { #expect(try sequence(reader, "w\(index)") == Array(1...20)) }
  }
}

/// A storage root whose path has more bytes than characters.
private struct AccentedRoot {
  private let directory = TemporaryDirectory()
  let path: String

  init() {
    path = "\(directory.path)/é"
    mkdir(path, 0o777)
  }
}

/// The same for a folder of one's own.
private struct CollectorCase {
  let root: String
  private var reader: LodeReader { LodeReader(root: root) }

  init(root: String) { self.root = root }

  func store(_ id: String) throws {
    let run = try Run(LodeDataset(root: root, durability: .none), id: id)
    try run.sink.write(run.items(1..<4))
  }

  func age() throws {
    let old = Date(timeIntervalSinceNow: -7_200)
    for path in FileManager.default.enumerator(atPath: root)?.allObjects as? [String] ?? [] {
      try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: "\(root)/\(path)")
    }
  }

  func collect() throws -> [LeftoverFate: [String]] {
    var fates: [LeftoverFate: [String]] = [:]
    try LeftoverCollector(root: root, dataset: "quarry", age: .seconds(3_600)).collect(removes: true) {
      fates[$1, default: []].append($0.path)
    }
    return fates
  }

  func findings() throws -> [Finding] {
    var findings: [Finding] = []
    _ = try reader.verify { findings.append($0) }
    return findings
  }

  func lines() throws -> [String] {
    var lines: [String] = []
    try reader.records(RecordQuery()) {
      lines.append(String(decoding: $0, as: UTF8.self)); return true
    }
    return lines
  }
}
