import Foundation
import QuarryCore
import QuarryLode
import TestSupport
import TestTraits
import Testing

/// What another manifest of the same snapshot is enough to write again.
@Suite(.ownThread) struct RepairTests {
  private let root = TemporaryDirectory()
  private var reader: LodeReader { LodeReader(root: root.path) }

  /// Two runs, of which each commit touches two partitions.
  private func prepare(_ dataset: LodeDataset) throws {
    for id in ["r1", "r2"] {
      let run = try Run(dataset, id: id)
      try run.sink.write(
        run.batch {
          $0.addEvent("item", seq: 1); $0.addEvent("run_complete", seq: 2)
        })
    }
  }

  private func repair(_ store: any WritableStore, writes: Bool = true) throws -> [MissingManifest] {
    var found: [MissingManifest] = []
    let layout = DatasetLayout(store, dataset: "quarry")
    let rest = try ManifestRepair(store, layout: layout).repair(writes: writes) { found.append($0) }
    #expect(rest == [])
    return found
  }

  private func expectWhole(_ reader: LodeReader) throws {
    #expect(try errors(reader) == [])
    #expect(try reader.runs().warnings == [])
    for id in ["r1", "r2"] { #expect(try sequence(reader, id) == [1]) }
  }

  /// All of a partition's, all of a run's, and all of them.
  @Test(arguments: ["run_id=r1/event_type=item/", "run_id=r1/", "partitions/", "quarry/segments/"])
  func whatIsGoneIsPutBackAsItWas(_ place: String) throws {
    try prepare(LodeDataset(root: root.path, durability: .none))
    let before = tree(root.path)
    let gone = before.filter { $0.contains(place) && $0.hasSuffix("/manifest.json") }
    let manifest = try #require(gone.first.flatMap { text("\(root.path)/\($0)") })
    for path in gone { try FileManager.default.removeItem(atPath: "\(root.path)/\(path)") }
    #expect(try errors(reader) != [])
    let store = DiskStore(root: root.path)
    #expect(Set(try repair(store, writes: false).map(\.fate)) == [.repairable])
    #expect(tree(root.path).count == before.count - gone.count)
    let found = try repair(store)
    #expect(Set(found.map(\.path)) == Set(gone.map { "\(root.path)/\($0)" }))
    #expect(found.allSatisfy { $0.fate == .repaired && $0.problem == nil })
    #expect(tree(root.path) == before && text("\(root.path)/\(gone[0])") == manifest)
    try expectWhole(reader)
    #expect(try repair(store).isEmpty)
  }

  @Test(arguments: CopyFlaw.allCases)
  func whatIsNoneIsMovedAside(_ flaw: CopyFlaw) throws {
    try prepare(LodeDataset(root: root.path, durability: .none))
    let before = tree(root.path)
    let copy = try #require(before.first { $0.contains("event_type=item") && $0.hasSuffix("/manifest.json") })
    let path = "\(root.path)/\(copy)"
    let whole = text(path)
    try flaw.apply(to: path)
    let store = DiskStore(root: root.path)
    #expect(try repair(store, writes: false).map(\.fate) == [.repairable])
    #expect(text(path) != whole)
    let found = try repair(store)
    #expect(found.map(\.path) == [path] && found.map(\.fate) == [.repaired])
    #expect(text(path) == whole)
    let aside = Set(tree(root.path)).subtracting(before)
    #expect(aside.count == (flaw == .folder ? 0 : 1) && aside.allSatisfy { $0.contains("/.lode-cas-aside-") })
    try expectWhole(reader)
    #expect(try repair(store).isEmpty)
  }

  @Test func aLinkInItsPlaceIsMovedAside() throws {
    try prepare(LodeDataset(root: root.path, durability: .none))
    let gone = try #require(tree(root.path).first { $0.contains("event_type=item") && $0.hasSuffix("/manifest.json") })
    let path = "\(root.path)/\(gone)"
    let whole = text(path)
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "nowhere")
    #expect(try repair(DiskStore(root: root.path)).map(\.fate) == [.repaired])
    #expect(text(path) == whole)
    try expectWhole(reader)
  }

  /// What a person has put there is nobody's leftover.
  @Test func aFolderThatHoldsSomethingIsMovedAsideAndStays() throws {
    try prepare(LodeDataset(root: root.path, durability: .none))
    let gone = try #require(tree(root.path).first { $0.contains("event_type=item") && $0.hasSuffix("/manifest.json") })
    let path = "\(root.path)/\(gone)"
    let whole = text(path)
    try FileManager.default.removeItem(atPath: path)
    try put("mine", at: "\(path)/notes")
    #expect(try repair(DiskStore(root: root.path), writes: false).map(\.fate) == [.repairable])
    #expect(try repair(DiskStore(root: root.path)).map(\.fate) == [.repaired])
    #expect(text(path) == whole)
    let later = Timestamp(nanoseconds: Timestamp.now().nanoseconds + 7_200_000_000_000)
    var leftovers: [String] = []
    try LeftoverCollector(root: root.path, dataset: "quarry", age: .zero, now: later).collect(removes: true) {
      found, _ in
      leftovers.append(found.path)
    }
    #expect(leftovers == [])
    let aside = try #require(tree(root.path).first { $0.contains("/.lode-cas-aside-") })
    #expect(aside.hasSuffix("/notes") && text("\(root.path)/\(aside)") == "mine")
    try expectWhole(reader)
  }

  /// Nothing in the dataset brings it back, and a repair that is silent would pass for a whole dataset.
  @Test(arguments: [true, false]) func dataThatIsGoneIsNamed(isInABucket: Bool) throws {
    let store: any WritableStore = isInABucket ? try S3Server.moto.store() : DiskStore(root: root.path)
    let dataset = LodeDataset(store, durability: .none)
    try prepare(dataset)
    let run = try Run(dataset, id: "r3")
    try run.put("a.txt", "hello")
    try run.sink.write(run.items(1..<2))
    let layout = DatasetLayout(store, dataset: "quarry")
    let rows = try LodeReader(layout).chain().rows
    let (gone, cut) = (layout.path(of: rows[1].files[0].path), layout.path(of: rows[2].files[0].path))
    let size = try #require(try store.size(of: cut))
    for path in [gone, cut, layout.path(of: rows[0].sidecarFiles[0].path)] { store.discard(path) }
    _ = try store.create(cut, Array("{}\n".utf8))
    for writes in [false, true] {
      var found: [MissingManifest] = []
      let rest = try ManifestRepair(store, layout: layout).repair(writes: writes) { found.append($0) }
      #expect(found.isEmpty)
      #expect(
        rest
          == [
            "\(layout.path(of: rows[0].sidecarFiles[0].path)) is named by a manifest and is not there",
            "\(gone) is named by a manifest and is not there", "\(cut) has 3 bytes; its manifest says \(size)",
          ].map { "\($0): a copy of the dataset has it" })
    }
  }

  /// A manifest of records that are nowhere would only say so another way.
  @Test func whereTheDataIsGoneTooNothingIsPutBack() throws {
    try prepare(LodeDataset(root: root.path, durability: .none))
    let run = try #require(tree(root.path).first { $0.contains("run_id=r1/") })
    let folder = "\(root.path)/\(run.prefix(through: try #require(run.range(of: "run_id=r1")).upperBound))"
    try FileManager.default.removeItem(atPath: folder)
    let found = try repair(DiskStore(root: root.path))
    #expect(found.count == 2 && found.allSatisfy { $0.fate == .dataless })
    #expect(!FileManager.default.fileExists(atPath: folder))
    let warnings = try reader.runs().warnings
    #expect(warnings.count == 2 && warnings.allSatisfy { $0.hasSuffix("; the records are gone as well") })
  }

  /// An index that was made in between knows less.
  @Test func theIndexIsMadeAnew() throws {
    try prepare(LodeDataset(root: root.path, durability: .none))
    _ = try reader.refreshIndex()
    let copy = try #require(tree(root.path).first { $0.contains("run_id=r1/") && $0.hasSuffix("/manifest.json") })
    try FileManager.default.removeItem(atPath: "\(root.path)/\(copy)")
    _ = try repair(DiskStore(root: root.path))
    #expect(!FileManager.default.fileExists(atPath: "\(reader.layout.own)/runs.index"))
  }

  @Test func aSpoiledPointerIsPutRight() throws {
    try prepare(LodeDataset(root: root.path, durability: .none))
    let before = try #require(text(reader.layout.pointer))
    try put("hello", at: reader.layout.pointer)
    let found = try repair(DiskStore(root: root.path))
    #expect(found.map(\.path) == [reader.layout.pointer] && found.map(\.fate) == [.repaired])
    #expect(text(reader.layout.pointer) == before)
    try expectWhole(reader)
  }

  @Test func twoAtOnceAreRefused() throws {
    try prepare(LodeDataset(root: root.path, durability: .none))
    let store = DiskStore(root: root.path)
    let claim = try store.claim("\(reader.layout.own)/repair")
    let error = #expect(throws: QuarryError.self) { try repair(store) }
    #expect(error?.message.contains("repairs the dataset now") == true)
    claim?.release()
    #expect(try repair(store).isEmpty)
  }

  @Test(arguments: S3Server.allCases) func inABucketToo(_ server: S3Server) throws {
    let store = try server.store()
    try prepare(LodeDataset(store))
    let reader = store.reader()
    let gone = try reader.chain().rows.flatMap { manifest in
      ["\(reader.layout.canonicalFolder(manifest.id))/manifest.json"]
        + manifest.files.compactMap { reader.layout.partition(ofDataKey: $0.path) }.filter { $0.hasSuffix("=item") }
        .map { "\(reader.layout.segmentFolder(manifest.id, partition: $0))/manifest.json" }
    }
    #expect(gone.count == 4)
    for path in gone { store.discard(path) }
    for warnings in [
      try reader.runs(limit: 9).warnings, try reader.runs().warnings,
      try reader.forEachMetrics(RunFilter()) { _, _ in },
    ] {
      #expect(warnings.filter { $0.contains("event_type=item") && $0.contains("is not there") }.count == 2)
    }
    let found = try repair(store)
    #expect(Set(found.map(\.path)) == Set(gone) && found.allSatisfy { $0.fate == .repaired })
    try expectWhole(reader)
    try store.replace(gone[1], with: "")
    #expect(try reader.runs().warnings.filter { $0.contains("it is empty") }.count == 1)
    #expect(try repair(store).map(\.fate) == [.repaired])
    try expectWhole(reader)
  }
}
