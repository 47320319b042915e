import Foundation
import QuarryCore
import QuarryLode
import TestSupport
import TestTraits
import Testing

/// What is missing in a dataset is named by every question, and hides nothing of the rest.
@Suite(.ownThread) struct HoleTests {
  private let root = TemporaryDirectory()
  private var reader: LodeReader { LodeReader(root: root.path) }

  /// Three runs of an item, an end and metrics, each in two commits.
  private func prepare() throws {
    let dataset = LodeDataset(root: root.path, durability: .none)
    for index in 1...3 {
      let run = try Run(dataset, id: "r\(index)")
      try run.sink.write(run.items(1..<2))
      try run.sink.write(
        run.batch { batch in
          batch.addEvent("run_complete", seq: 2)
          batch.addMetrics(completed: 1)
        })
    }
  }

  private func store(_ id: String) throws {
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: id)
    try run.sink.write(run.items(1..<2))
  }

  private func removeManifests(of id: SnapshotID) throws {
    for path in tree(reader.layout.folder) where path.hasSuffix("/\(id)/manifest.json") {
      try FileManager.default.removeItem(atPath: "\(reader.layout.folder)/\(path)")
    }
  }

  /// What each question says of what it had to pass over.
  private func warnings() throws -> [[String]] {
    var notes: [String] = []
    _ = try reader.records(RecordQuery(runs: RunFilter(runID: "r2")), note: { notes.append($0) }) { _ in true }
    var (ofRun, ofNone): ([String], [String]) = ([], [])
    #expect(try reader.run("r2", note: { ofRun.append($0) }) != nil)
    #expect(try reader.run("none", note: { ofNone.append($0) }) == nil)
    return [
      notes, ofRun, ofNone, try reader.runs().warnings,
      try reader.runs(limit: 9).warnings,
      try reader.runCounts().warnings, try reader.forEachMetrics(RunFilter()) { _, _ in },
      try reader.forEachMetrics(RunFilter(), limit: 9) { _, _ in },
    ]
  }

  @Test(arguments: [1, 3, 5])
  func aSnapshotThatIsGoneIsNamedByEveryQuestion(_ place: Int) throws {
    try prepare()
    let chain = try reader.chain().rows
    let gone = chain[place].id
    try removeManifests(of: gone)
    for (number, warnings) in try warnings().enumerated() {
      #expect(warnings.contains { $0.contains("snapshot \(chain[place - 1].id) follows \(gone)") }, "\(number)")
      #expect(Set(warnings).count == warnings.count, "\(number)")
    }
  }

  @Test func aHeadThatIsGoneIsNamedByEveryQuestion() throws {
    try prepare()
    let head = try reader.chain().rows[0].id
    try removeManifests(of: head)
    for (number, warnings) in try warnings().enumerated() {
      #expect(warnings.contains { $0.contains("latest names snapshot \(head), which is not there") }, "\(number)")
    }
    // Also when another was committed since.
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: "r4")
    try run.sink.write(run.items(1..<2))
    for (number, warnings) in try warnings().enumerated() {
      #expect(warnings.contains { $0.contains("snapshot \(head) is lost") }, "\(number)")
    }
  }

  @Test(arguments: ["0", "hello", "", "+17", "00", "\u{FEFF}17"])
  func aPointerToNothingIsNamedByEveryQuestion(_ content: String) throws {
    try prepare()
    let chain = try reader.chain().rows.map(\.id)
    try put(content, at: reader.layout.pointer)
    for (number, warnings) in try warnings().enumerated() {
      #expect(warnings.count == 1, "\(number)")
      #expect(
        warnings[0].hasPrefix("\(reader.layout.pointer) names no snapshot; going on with the newest"), "\(number)")
    }
    #expect(try reader.chain().rows.map(\.id) == chain)
    // The newest is known to be there: the next commit mends it.
    try store("r4")
    #expect(try reader.chain().rows.dropFirst().map(\.id) == chain)
    for warnings in try warnings() { #expect(warnings == []) }
  }

  /// Where it is not known which snapshot it named, the commit that hides it leaves a note.
  @Test func whatAPointerToNothingNamedMayBeLost() throws {
    try prepare()
    try put("hello", at: reader.layout.pointer)
    try FileManager.default.removeItem(atPath: reader.layout.lock)
    try store("r4")
    for (number, warnings) in try warnings().enumerated() {
      #expect(warnings.contains { $0.contains("named no snapshot when the next was committed") }, "\(number)")
    }
  }

  @Test func anOldPointerIsNamedByEveryQuestion() throws {
    try prepare()
    let chain = try reader.chain().rows.map(\.id)
    try put("\(chain[2])", at: reader.layout.pointer)
    for (number, warnings) in try warnings().enumerated() {
      #expect(
        warnings.contains { $0.contains("names snapshot \(chain[2]), and \(chain[0]) was committed") }, "\(number)")
    }
    #expect(try reader.chain().rows.map(\.id) == chain)
    // The next commit follows the newest, and mends it.
    try store("r4")
    #expect(try reader.chain().rows.dropFirst().map(\.id) == chain)
    for warnings in try warnings() { #expect(warnings == []) }
  }

  /// What a question for nothing in particular says.
  private func damages() throws -> [String] {
    var notes: [String] = []
    _ = try reader.run("none", note: { notes.append($0) })
    return notes
  }

  private func folder(of run: String) -> String {
    "\(reader.layout.partitions)/source=shop/category=default/day=2026-11-24/run_id=\(run)"
  }

  /// Of a partition, of an event type and of a run.
  @Test(arguments: ["/event_type=item/segments", "/event_type=item", ""])
  func aCopyThatIsGoneIsNamedByEveryQuestion(_ place: String) throws {
    try prepare()
    try FileManager.default.removeItem(atPath: folder(of: "r1") + place)
    for (number, warnings) in try warnings().enumerated() {
      #expect(
        warnings.contains { $0.hasPrefix("\(folder(of: "r1"))/event_type=item/") && $0.contains("is not there") },
        "\(number): \(warnings)")
      #expect(Set(warnings).count == warnings.count, "\(number)")
    }
  }

  @Test(arguments: CopyFlaw.allCases)
  func aCopyThatIsNoneIsNamedByEveryQuestion(_ flaw: CopyFlaw) throws {
    try prepare()
    let copy = try #require(
      tree(reader.layout.folder).first { $0.contains("run_id=r1/event_type=item") && $0.hasSuffix("/manifest.json") })
    let path = "\(reader.layout.folder)/\(copy)"
    try flaw.apply(to: path)
    for (number, warnings) in try warnings().enumerated() {
      #expect(
        warnings.contains { $0.hasPrefix(path) && $0.contains(flaw.reason) && $0.contains("quarry lode repair --yes") },
        "\(number): \(warnings)")
      #expect(Set(warnings).count == warnings.count, "\(number)")
    }
    #expect(try sequence(reader, "r1") == [1])
    #expect(try damages().contains { $0.contains(path) })
  }

  @Test func partitionsThatAreGoneAreNamed() throws {
    try prepare()
    try FileManager.default.removeItem(atPath: reader.layout.partitions)
    #expect(try damages().count == 9)
    #expect(try reader.runs().warnings.count >= 9 && reader.runs(limit: 9).warnings.count >= 9)
  }

  /// Who does without old records removes whole days.
  @Test func aDayThatIsGoneIsNotMissed() throws {
    try prepare()
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: "r4", source: "other")
    try run.sink.write(run.items(1..<2))
    try FileManager.default.removeItem(
      atPath: "\(reader.layout.partitions)/source=shop/category=default/day=2026-11-24")
    #expect(try damages() == [])
    #expect(try reader.runs().rows.map(\.runID) == ["r4"])
  }

  @Test func aManifestThatLeadsElsewhereIsNamedByEveryQuestion() throws {
    try prepare()
    let head = try reader.chain().rows[0].id
    let paths = tree(reader.layout.folder).filter { $0.hasSuffix("/\(head)/manifest.json") }
    for path in paths.map({ "\(reader.layout.folder)/\($0)" }) {
      let changed = try #require(text(path)).replacing("datasets/quarry/partitions", with: "../elsewhere")
      try FileManager.default.removeItem(atPath: path)
      try put(changed, at: path)
    }
    for (number, warnings) in try warnings().enumerated() {
      #expect(warnings.contains { $0.contains("leads out of the storage root") }, "\(number)")
    }
  }

  @Test func aStoredFileThatIsGoneIsNamedAndNotShown() throws {
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: "r1")
    for name in ["a.txt", "b.txt"] { try run.put(name, "x") }
    try run.sink.write(run.items(1..<2))
    let path = "\(folder(of: "r1"))/files/a.txt"
    try FileManager.default.removeItem(atPath: path)
    var notes: [String] = []
    let detail = try reader.run("r1", note: { notes.append($0) })
    #expect(detail?.sidecarFiles.map(\.filename) == ["b.txt"])
    #expect(notes == ["\(path) is named by a manifest and is not there"])
  }

  @Test func metricsWhoseFileIsGoneAreNamed() throws {
    try prepare()
    let file = try #require(
      tree(reader.layout.folder).first { $0.contains("run_id=r1/event_type=metrics") && $0.hasSuffix("/data") })
    let path = "\(reader.layout.folder)/\(file)"
    try FileManager.default.removeItem(atPath: path)
    for limit in [nil, 9] {
      var runs: [String] = []
      let warnings = try reader.forEachMetrics(RunFilter(), limit: limit) { run, _ in runs.append(run.runID) }
      #expect(runs.sorted() == ["r2", "r3"])
      #expect(warnings == ["\(path) is named by a manifest and is not there"])
    }
  }

  /// It is JSON all the same.
  @Test func metricsOfAnotherSizeAreNamed() throws {
    try prepare()
    let file = try #require(
      tree(reader.layout.folder).first { $0.contains("run_id=r1/event_type=metrics") && $0.hasSuffix("/data") })
    let path = "\(reader.layout.folder)/\(file)"
    let size = try #require(text(path)).utf8.count
    try put("{\"runs_completed_total\":1}\n", at: path)
    let expected = "\(path) has 27 bytes; its manifest says \(size)"
    for limit in [nil, 9] {
      #expect(try reader.forEachMetrics(RunFilter(), limit: limit) { _, _ in }.contains(expected))
    }
    _ = try reader.runs()
    #expect(try reader.forEachMetrics(RunFilter()) { _, _ in } == [expected])
    #expect(try reader.runs(limit: 9).warnings == [expected])
  }

  /// The folder of one run, and that of another day.
  @Test func aFolderThatMayNotBeLookedAtHidesNoOther() throws {
    try prepare()
    for locked in ["/run_id=r1", "/day=2026-11-25"] {
      try put("", at: "\(reader.layout.partitions)/source=shop/category=default/day=2026-11-25/run_id=x/y")
      let store = LockedStore(store: DiskStore(root: root.path)) { $0.contains(locked) }
      let reader = LodeReader(DatasetLayout(store, dataset: "quarry"))
      var notes: [String] = []
      let figures = try reader.records(RecordQuery(), note: { notes.append($0) }) { _ in true }
      #expect(figures.records == (locked == "/run_id=r1" ? 6 : 9))
      #expect(notes.contains { $0.contains(locked) && $0.contains("Permission denied") }, "\(notes)")
      #expect(try reader.run("r2")?.summary.state == .succeeded)
      var reasons: [String] = []
      let hidden = locked == "/run_id=r1" ? "r1" : "x"
      #expect(try reader.run(hidden, note: { reasons.append($0) }) == nil)
      #expect(reasons.contains { $0.contains(locked) && $0.contains("Permission denied") }, "\(reasons)")
      reasons = []
      #expect(try reader.summary(of: hidden, note: { reasons.append($0) }) == nil)
      #expect(reasons.contains { $0.contains(locked) && $0.contains("Permission denied") }, "\(reasons)")
      #expect(try reader.runs().rows.map(\.runID).prefix(2) == ["r3", "r2"])
      var runs: [String] = []
      let warnings = try reader.forEachMetrics(RunFilter()) { run, _ in runs.append(run.runID) }
      #expect(Set(runs).isSuperset(of: ["r2", "r3"]))
      #expect(warnings.contains { $0.contains(locked) && $0.contains("Permission denied") }, "\(warnings)")
    }
  }

  @Test func aPointerOfAnySizeIsReadNoFurtherThanAnIdIsLong() throws {
    try prepare()
    let pointer = reader.layout.pointer
    let id = try #require(text(pointer))
    try put(id + String(repeating: " ", count: 1 << 20) + "x", at: pointer)
    #expect(try reader.chain().rows.count == 6)
  }
}
