import Foundation
import QuarryCore
import QuarryLode
import TestSupport
import TestTraits
import Testing

/// What somebody removed to do without it is missed by nobody; what else is gone is damage.
@Suite(.ownThread) struct RemovedTests {
  private static let old = "2026-01-01"
  private let root = TemporaryDirectory()
  private var reader: LodeReader { LodeReader(root: root.path) }

  private func store(_ id: String, day: String) throws {
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: id, day: day)
    try run.put("a.txt", "hello")
    try run.sink.write(
      run.batch { batch in
        batch.addEvent("item", seq: 1)
        batch.addEvent("run_complete", seq: 2)
        batch.addMetrics(completed: 1)
      })
  }

  /// Makes the snapshots an hour old: folders are younger that are made from now on, however the file system's clock ticks, and
  /// in a dataset that was restored from a copy.
  private func age() throws {
    for manifest in try reader.chain().rows {
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -3_600)],
        ofItemAtPath: "\(reader.layout.canonicalFolder(manifest.id))/manifest.json")
    }
  }

  private func folder(_ day: String, _ run: String = "") -> String {
    "\(reader.layout.partitions)/source=shop/category=default/day=\(day)" + (run.isEmpty ? "" : "/run_id=\(run)")
  }

  private func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }

  /// Every reader goes on without a word, and the others have nothing to do but to say what was removed.
  private func expectWithout(_ removed: [String], runs: [String], _ location: SourceLocation = #_sourceLocation) throws
  {
    var notes: [String] = []
    var found: Set<String> = []
    try reader.records(RecordQuery(types: ["item"]), note: { notes.append($0) }) { line in
      if let id = (try? JSONParser.parse(Array(line)))?["run_id"]?.string { found.insert(id) }
      return true
    }
    let listing = try reader.runs()
    notes += try listing.warnings + reader.runs(limit: 9).warnings + reader.runCounts().warnings
    notes += try reader.forEachMetrics(RunFilter()) { _, _ in }
    #expect(notes == [], sourceLocation: location)
    #expect(found == Set(runs) && Set(listing.rows.map(\.runID)) == Set(runs), sourceLocation: location)
    var findings: [Finding] = []
    _ = try reader.verify { findings.append($0) }
    #expect(findings.map(\.severity).allSatisfy { $0 == .note }, "\(findings)", sourceLocation: location)
    #expect(findings.filter { $0.kind == .removed }.map(\.place) == removed, "\(findings)", sourceLocation: location)
    var missing: [String] = []
    let disk = DiskStore(root: root.path)
    _ = try ManifestRepair(disk, layout: DatasetLayout(disk, dataset: "quarry")).repair(writes: true) {
      missing.append($0.path)
    }
    try LeftoverCollector(root: root.path, dataset: "quarry", age: .seconds(900)).collect(removes: true) {
      leftover, _ in
      if leftover.kind != .folder { missing.append(leftover.path) }
    }
    #expect(missing == [], sourceLocation: location)
  }

  private func expectDamage(_ text: String, _ location: SourceLocation = #_sourceLocation) throws {
    #expect(try errors(reader).contains { $0.contains(text) }, sourceLocation: location)
    #expect(try reader.runs().warnings.contains { $0.contains(text) }, sourceLocation: location)
  }

  @Test func aWholeDayIsANote() throws {
    for id in ["r1", "r2"] { try store(id, day: Self.old) }
    try store("r3", day: "2026-11-24")
    _ = try reader.refreshIndex()
    try remove(folder(Self.old))
    try expectWithout([folder(Self.old)], runs: ["r3"])
    _ = try reader.refreshIndex()
    try expectWithout([folder(Self.old)], runs: ["r3"])
  }

  @Test func aDayThatBeganAgainIsANoteToo() throws {
    for id in ["r1", "r2"] { try store(id, day: Self.old) }
    try store("r3", day: "2026-11-24")
    _ = try reader.refreshIndex()
    try age()
    try remove(folder(Self.old))
    try store("r4", day: Self.old)
    // A file system that does not know when it was made.
    guard try DiskStore(root: root.path).times(ofFolder: folder(Self.old))?.made != nil else {
      return try expectDamage("run_id=r1")
    }
    try expectWithout([folder(Self.old)], runs: ["r3", "r4"])
    _ = try reader.refreshIndex()
    try expectWithout([folder(Self.old)], runs: ["r3", "r4"])
    // What it has held since is missed.
    try store("r5", day: Self.old)
    try remove(folder(Self.old, "r5"))
    try expectDamage("run_id=r5")
  }

  @Test(arguments: ["r1", "r2"]) func aPartOfADayIsDamage(_ gone: String) throws {
    for id in ["r1", "r2", "r3"] { try store(id, day: Self.old) }
    try remove(folder(Self.old, gone))
    try expectDamage("run_id=\(gone)")
  }

  @Test func aMiddleOfADayThatWasRestoredIsDamage() throws {
    for id in ["r1", "r2", "r3"] { try store(id, day: Self.old) }
    try age()
    try remove(folder(Self.old, "r2"))
    try expectDamage("run_id=r2")
  }

  /// A person says so.
  @Test func aRunThatIsNamedIsANote() throws {
    for id in ["r1", "r 2", "r3"] { try store(id, day: Self.old) }
    _ = try reader.refreshIndex()
    try remove(folder(Self.old, "r%202"))
    try expectDamage("run_id=r%202")
    try put("", at: "\(reader.layout.own)/removed/r%202")
    try expectWithout([folder(Self.old, "r%202")], runs: ["r1", "r3"])
  }

  /// Runs of two days may share a snapshot.
  @Test func ofASharedSnapshotTheRestIsRead() throws {
    try store("r1", day: Self.old)
    try store("r2", day: "2026-11-24")
    try shareSnapshot()
    try expectWithout([], runs: ["r1", "r2"])
    try remove(folder(Self.old))
    try expectWithout([folder(Self.old)], runs: ["r2"])
  }

  /// Makes one of the two snapshots.
  private func shareSnapshot() throws {
    let chain = try reader.chain().rows
    func manifest(_ id: SnapshotID) throws -> [String: Any] {
      let path = "\(reader.layout.canonicalFolder(id))/manifest.json"
      let bytes = try #require(FileManager.default.contents(atPath: path))
      return try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
    }
    let (newer, older) = (try manifest(chain[0].id), try manifest(chain[1].id))
    var shared = newer
    shared["parent_snapshot_id"] = nil
    shared["metadata"] = [String: Any]()
    shared["row_count"] = 6
    shared["files"] = (older["files"] as? [Any] ?? []) + (newer["files"] as? [Any] ?? [])
    let bytes = try JSONSerialization.data(withJSONObject: shared, options: .withoutEscapingSlashes)
    for path in tree(reader.layout.folder) where path.hasSuffix("/manifest.json") {
      let path = "\(reader.layout.folder)/\(path)"
      let wanted = path.replacing("/\(chain[1].id)/", with: "/\(chain[0].id)/")
      try remove(path)
      guard !path.contains("\(reader.layout.segments)/\(chain[1].id)/") else { continue }
      try put("", at: wanted)
      try bytes.write(to: URL(fileURLWithPath: wanted))
    }
    for path in tree(reader.layout.folder) where path.contains("/files/") {
      try remove("\(reader.layout.folder)/\(path)")
    }
  }
}
