import Foundation
import QuarryCore
import QuarryLode
import TestSupport
import TestTraits
import Testing

/// One rule says which snapshots count. What a check calls clean is what every question shows whole and what a repair has
/// nothing to do on; of anything else every question says so, nothing is removed, and a repair brings all of it back.
@Suite(.ownThread) struct LostSnapshotTests {
  /// What happens to four runs of two commits each, of which nothing but manifests and `latest` is touched.
  enum Damage: String, CaseIterable {
    case none, oldPointer, oldPointerWithoutLock, oldPointerAndLock, oldPointerLockAndTimes, noPointer,
      noPointerNorNewest, noPointerNorMiddle
    case oldest, oldestWithoutLock, segmentsAndPointer, segments, unusablePointer, unusablePointerWithoutLock
    case fork, forkNoted, forkOntoOldPointerAfterwards
  }

  @Test(arguments: Damage.allCases, [false, true])
  func allThatWasCommittedIsBackAfterARepair(_ damage: Damage, isWrittenOn: Bool) throws {
    let lab = LostLab()
    try lab.damage(damage)
    if isWrittenOn { try lab.store("late") }
    if damage == .unusablePointerWithoutLock, isWrittenOn {
      // Nobody knows what it named; that it is nothing a person says.
      try FileManager.default.removeItem(atPath: "\(lab.layout.own)/lost/0")
    }
    let wanted = lab.runs + (damage.isFork ? ["other"] : []) + (isWrittenOn ? ["late"] : [])
    if try lab.errors().isEmpty {
      #expect(damage == .none || isWrittenOn, "a damage that nobody sees")
    } else {
      try lab.expectThatEverybodyKnows("\(damage)")
      try lab.expectThatNothingIsRemoved()
      #expect(try lab.repair(writes: false).found.contains { $0.fate == .repairable })
      let repair = try lab.repair()
      #expect(repair.complaints == [])
      #expect(repair.found.allSatisfy { $0.fate == .repaired }, "\(repair.found)")
    }
    try lab.expectWhole(wanted)
    #expect(try lab.collect().isEmpty)
    try lab.store("last")
    try lab.expectWhole(wanted + ["last"])
  }

  /// It has neither `latest` nor what Quarry's writers keep, which is no damage. The lock that a collector takes would make it
  /// look like a damaged one.
  @Test func nothingIsRemovedFromAnOldDatasetUntilTheNextCommit() throws {
    let lab = LostLab()
    for path in [lab.layout.pointer, lab.layout.lock, lab.layout.segments] {
      try FileManager.default.removeItem(atPath: path)
    }
    let partition = try #require(tree(lab.layout.partitions).first?.split(separator: "/segments/").first)
    let stray = "\(lab.layout.partitions)/\(partition)/segments/17/data/data"
    try put("{}\n", at: stray)
    let error = #expect(throws: QuarryError.self) { try lab.collect(removes: false) }
    #expect(error?.message.contains("without \(lab.layout.pointer)") == true)
    #expect(error?.remedy?.contains("`quarry run`") == true)
    #expect(try lab.errors() == [])
    try lab.store("late")
    #expect(try lab.collect() == [stray])
    try lab.expectWhole(lab.runs + ["late"])
  }

  /// Another that knows nothing of `latest.lock` was at work, and its own pointer was put back as well: only a look at the
  /// whole dataset finds that.
  @Test func aForkThatNothingTellsIsFoundByACheck() throws {
    let lab = LostLab()
    try lab.damage(.fork)
    try FileManager.default.removeItem(atPath: lab.layout.lock)
    #expect(try lab.errors().count > 0)
    try lab.expectThatNothingIsRemoved()
    _ = try lab.repair()
    try lab.expectWhole(lab.runs + ["other"])
  }

  /// Of very many the first are named, and how many more there are.
  @Test func noneIsLeftOutWithoutAWord() throws {
    let lab = LostLab()
    for number in 1...20 { try lab.store("more\(number)", 1..<2) }
    let ids = try lab.ids()
    try lab.commitByAnother(run: "other", 1..<3, id: SnapshotID(ids[27].value + 1), after: ids[2])
    let warnings = try lab.reader.chain().warnings
    #expect(warnings.count == 21)
    #expect(warnings.last?.hasPrefix("5 more snapshots were committed and are left out") == true, "\(warnings)")
  }

  /// Without a manifest there is nothing to put back: both ways that are named lead on.
  @Test(arguments: [true, false]) func whatIsGoneIsBroughtBackOrDoneWithout(_ isBroughtBack: Bool) throws {
    let lab = LostLab()
    let head = try lab.ids()[7]
    let manifest = try #require(text("\(lab.layout.canonicalFolder(head))/manifest.json"))
    try lab.removeManifests(of: head)
    if isBroughtBack { try FileManager.default.removeItem(atPath: lab.layout.pointer) }
    try lab.expectThatEverybodyKnows("before the next commit")
    try lab.expectThatNothingIsRemoved()
    try lab.store("late")
    try lab.expectThatEverybodyKnows("after it")
    try lab.expectThatNothingIsRemoved()
    let note = "\(lab.layout.own)/lost/\(head)"
    let complaints = try lab.repair().complaints
    #expect(complaints.count == 1 && complaints[0].contains("remove \(note) to do without it"), "\(complaints)")
    if isBroughtBack {
      try put(manifest, at: "\(lab.layout.canonicalFolder(head))/manifest.json")
      try lab.expectThatEverybodyKnows("when it is back")
      #expect(try lab.repair().found.map(\.fate) == [.repaired])
      try lab.expectWhole(lab.runs + ["late"])
    } else {
      try FileManager.default.removeItem(atPath: note)
      try lab.expectNothingToSay()
    }
  }

  /// A writer that died before its commit was acknowledged, and has committed its records again since.
  @Test(arguments: [1..<3, 2..<4]) func noRecordIsThereTwice(_ again: Range<Int>) throws {
    let lab = LostLab()
    let ids = try lab.ids()
    try lab.commitByAnother(run: "other", again, id: SnapshotID(ids[7].value + 1), after: ids[7], movesPointer: false)
    try lab.commitByAnother(run: "other", 1..<3, id: SnapshotID(ids[7].value + 2), after: ids[7])
    #expect(try lab.errors().count > 0)
    let repair = try lab.repair()
    if again == 1..<3 {
      #expect(repair.found.map(\.fate) == [.repeated] && repair.complaints == [])
    } else {
      // One of them is nowhere else. To the letter:
      #expect(repair.found.map(\.fate) == [.failed])
      #expect(repair.found.first?.problem == "it holds 2 records of which 1 are stored under other snapshots as well")
      let places = try #require(repair.complaints.first?.components(separatedBy: "or remove ").last)
      for path in places.replacing(" to do without it", with: "").components(separatedBy: " and ") {
        try FileManager.default.removeItem(atPath: path)
      }
    }
    #expect(try sequence(lab.reader, "other") == [1, 2])
    try lab.expectNothingToSay()
  }

  /// Its events are in the order of the chain then, and all there.
  @Test func aRunOnBothSidesIsWhole() throws {
    let lab = LostLab()
    let ids = try lab.ids()
    try lab.store("long", 1..<2)
    let fork = try lab.ids()[8]
    try lab.store("long", 2..<4)
    try lab.commitByAnother(run: "long", 4..<5, id: SnapshotID(try lab.ids()[9].value + 1), after: fork)
    try lab.expectThatEverybodyKnows("a fork in a run")
    #expect(try sequence(lab.reader, "long") == [1, 4])
    #expect(try lab.repair().found.map(\.fate).contains(.repaired))
    #expect(try sequence(lab.reader, "long") == [1, 4, 2, 3])
    try lab.expectNothingToSay()
    #expect(try Array(lab.ids().prefix(8)) == ids)
  }

  /// No reader takes a record twice, and the next repair ends what the first began.
  @Test func aRepairMayDieAnywhere() throws {
    func operations() throws -> Int {
      let (lab, faults) = (LostLab(), Faults())
      try lab.damage(.fork)
      _ = try lab.repair(files: faults.files)
      return faults.count
    }
    // Each sort of step comes several times.
    for point in stride(from: 0, to: try operations(), by: 5) {
      let (lab, faults) = (LostLab(), Faults())
      try lab.damage(.fork)
      faults.fail(at: point, with: .failure(EIO), staysDown: true)
      do { _ = try lab.repair(files: faults.files) } catch is QuarryError {}
      for run in lab.runs {
        #expect([[], [1], [2], [1, 2]].contains(try sequence(lab.reader, run)), "died at \(point)")
      }
      if try !lab.errors().isEmpty { try lab.expectThatEverybodyKnows("died at \(point)") }
      try lab.store("late")
      _ = try lab.repair()
      try lab.expectWhole(lab.runs + ["other", "late"])
    }
  }

  /// Nobody wrote anything when it was put back.
  @Test func whoWasSilentBeforeARepairIsSilentAfterIt() throws {
    let lab = LostLab()
    try lab.damage(.fork)
    #expect(try lab.repair().found.contains { $0.fate == .repaired })
    var filter = RunFilter()
    filter.liveness = Liveness(silence: .seconds(1_800))
    for listing in [try lab.reader.runs(filter), try lab.reader.runs(filter, limit: 99)] {
      #expect(listing.rows.count == 5 && listing.rows.allSatisfy { $0.state == .lost })
    }
  }

  /// A manifest that cannot be read hides nothing of what else is to be put back, and is moved aside for what it should be.
  @Test func aDamagedCopyAndWhatIsGoneArePutBack() throws {
    let lab = LostLab()
    try lab.storeOfTwoTypes("two")
    let manifest = try lab.reader.chain().rows[0]
    let canonical = "\(lab.layout.canonicalFolder(manifest.id))/manifest.json"
    let copies = tree(lab.layout.partitions).filter { $0.hasSuffix("/\(manifest.id)/manifest.json") }
    let damaged = "\(lab.layout.partitions)/\(try #require(copies.first))"
    for path in [canonical, damaged] { try FileManager.default.removeItem(atPath: path) }
    try put("{", at: damaged)
    let (found, complaints) = try lab.repair()
    #expect(found.map(\.path) == [canonical, damaged] && found.allSatisfy { $0.fate == .repaired }, "\(found)")
    #expect(complaints == [])
    try lab.expectNothingToSay()
  }

  /// What was announced last is no dead writer's then.
  @Test(arguments: S3Server.allCases, [true, false])
  func anOldPointerOfABucketIsPutRight(_ server: S3Server, isWrittenOn: Bool) throws {
    let store = try server.store(lease: .zero)
    let reader = store.reader()
    for id in ["r1", "r2", "r3", "r4"] {
      let run = try Run(LodeDataset(store), id: id)
      try run.sink.write(run.items(1..<3))
    }
    let rows = try reader.chain().rows.map(\.id)
    try store.replace(reader.layout.pointer, with: "\(rows[3])")
    #expect(try errors(reader).count > 0)
    if isWrittenOn {
      let run = try Run(LodeDataset(store), id: "r5")
      try run.sink.write(run.items(1..<3))
    } else {
      var paths: [String] = []
      let rest = try ManifestRepair(store, layout: reader.layout).repair(writes: true) { paths.append($0.path) }
      #expect(rest == [] && paths == [reader.layout.pointer])
    }
    #expect(try errors(reader) == [])
    #expect(try reader.chain().rows.map(\.id).suffix(4) == rows[...])
  }

  @Test(arguments: S3Server.allCases) func aLostSnapshotOfABucketIsPutBack(_ server: S3Server) throws {
    let store = try server.store(lease: .zero)
    let reader = store.reader()
    let first = LodeDataset(store)
    for (id, dataset) in [("r1", first), ("r2", LodeDataset(store)), ("r3", LodeDataset(store))] {
      let run = try Run(dataset, id: id)
      try run.sink.write(run.items(1..<3))
    }
    // Who has begun to write takes what he committed for the newest, as an older version or another program does.
    let rows = try reader.chain().rows
    try store.replace(reader.layout.pointer, with: "\(rows[2].id)")
    store.discard(reader.layout.lock)
    let run = try Run(first, id: "r4")
    try run.sink.write(run.items(1..<3))
    #expect(try errors(reader).count > 0)
    var fates: [MissingManifest.Fate] = []
    // They may be of a writer that is slow, and takes them back.
    let early = try ManifestRepair(store, layout: reader.layout).repair(writes: true) { fates.append($0.fate) }
    #expect(early.count == 2 && early.allSatisfy { $0.contains("a slow writer may yet take it back") } && fates == [])
    #expect(try reader.chain().rows.count == 2)
    let repair = ManifestRepair(store, layout: reader.layout, leastAge: .zero)
    let rest = try repair.repair(writes: true) { fates.append($0.fate) }
    #expect(rest == [])
    #expect(fates.allSatisfy { $0 == .repaired } && fates.count > 0)
    #expect(try errors(reader) == [])
    #expect(try Set(reader.runs().rows.map(\.runID)) == ["r1", "r2", "r3", "r4"])
    for id in ["r1", "r2", "r3", "r4"] { #expect(try sequence(reader, id) == [1, 2]) }
  }

  /// Another program commits onto an old pointer. What Quarry committed last still stands announced then, and is lost as the
  /// others are, whether a writer or a repair comes first; also where nothing but that is.
  @Test(arguments: [true, false], [1, 3])
  func whatWasAcknowledgedLastOutlivesAFork(isWrittenOn: Bool, lost: Int) throws {
    let store = try S3Server.seaweedFS.store(lease: .zero)
    let reader = store.reader()
    let ids = (1...4).map { "r\($0)" }
    for id in ids {
      let run = try Run(LodeDataset(store), id: id)
      try run.sink.write(run.items(1..<3))
    }
    let rows = try reader.chain().rows
    var fork = rows[lost]
    (fork.id, fork.parent, fork.files, fork.rowCount) = (SnapshotID(rows[0].id.value + 1), rows[lost].id, [], 0)
    _ = try store.create("\(reader.layout.canonicalFolder(fork.id))/manifest.json", fork.encoded)
    try store.replace(reader.layout.pointer, with: "\(fork.id)")
    #expect(try errors(reader).count > 0)
    if lost > 1 {
      for listing in [try reader.runs(), try reader.runs(limit: 9)] {
        #expect(Set(listing.rows.map(\.runID)) == ["r1"])
        #expect(listing.warnings.count == 3 && listing.warnings.allSatisfy { $0.contains("quarry lode repair --yes") })
      }
    }
    if isWrittenOn {
      let run = try Run(LodeDataset(store), id: "late")
      try run.sink.write(run.items(1..<3))
      #expect(try errors(reader).count > 0)
    }
    let repair = ManifestRepair(store, layout: reader.layout, leastAge: .zero)
    #expect(try repair.repair(writes: true) { _ in } == [])
    #expect(try errors(reader) == [])
    for id in ids + (isWrittenOn ? ["late"] : []) { #expect(try sequence(reader, id) == [1, 2], "\(id)") }
  }

  /// It stood still for longer than its claim lasts: another may have put back the same.
  @Test(arguments: S3Server.allCases) func whoLosesItsClaimPutsNothingBack(_ server: S3Server) throws {
    let (store, upstream) = (try server.store(lease: .zero), try server.upstream())
    let reader = store.reader()
    let first = LodeDataset(store)
    for (id, dataset) in [("r1", first), ("r2", LodeDataset(store))] {
      let run = try Run(dataset, id: id)
      try run.sink.write(run.items(1..<3))
    }
    try store.replace(reader.layout.pointer, with: "\(try reader.chain().rows[1].id)")
    store.discard(reader.layout.lock)
    let run = try Run(first, id: "r3")
    try run.sink.write(run.items(1..<3))
    let before = try reader.chain().rows.map(\.id)
    let claim = "\(reader.layout.own)/repair"
    let proxy = try HTTPServer { request, _ in
      if request.line.hasPrefix("PUT"), request.line.contains("/lost/") {
        #expect(throws: Never.self) { try store.replace(claim, with: "another's") }
      }
      return .relay(to: upstream)
    }
    let slow = try server.store(through: proxy, prefix: store.prefix, lease: .zero, claimLease: .zero)
    let error = #expect(throws: QuarryError.self) {
      try ManifestRepair(slow, layout: slow.reader().layout, leastAge: .zero).repair(writes: true) { _ in }
    }
    #expect(error?.message.contains("nothing more is put back") == true)
    #expect(try reader.chain().rows.map(\.id) == before)
    #expect(try store.bytes(claim) == Array("another's".utf8), "the other's stays")
  }
}

extension LostSnapshotTests.Damage {
  var isFork: Bool { [.fork, .forkNoted, .forkOntoOldPointerAfterwards].contains(self) }
}

/// Four runs of two commits of one item each, an hour ago.
private struct LostLab {
  private let root = TemporaryDirectory()
  let runs = (1...4).map { "r\($0)" }

  init() {
    for run in runs {
      for seq in 1...2 { #expect(throws: Never.self) { try store(run, seq..<seq + 1) } }
    }
  }

  var reader: LodeReader { LodeReader(root: root.path) }
  var layout: DatasetLayout { reader.layout }

  /// The oldest first.
  func ids() throws -> [SnapshotID] { try reader.chain().rows.map(\.id).reversed() }

  func store(_ id: String, _ seqs: Range<Int> = 1..<3) throws {
    let clock = SnapshotClock { Timestamp(nanoseconds: Timestamp.now().nanoseconds - 3_600_000_000_000) }
    let run = try Run(LodeDataset(root: root.path, durability: .none, clock: clock), id: id)
    try run.sink.write(run.items(seqs))
  }

  func storeOfTwoTypes(_ id: String) throws {
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: id)
    try run.sink.write(
      run.batch {
        $0.addEvent("item", seq: 1); $0.addEvent("log", seq: 2)
      })
  }

  func commitByAnother(
    run: String, _ seqs: Range<Int>, id: SnapshotID, after parent: SnapshotID, movesPointer: Bool = true
  ) throws {
    let partition = "source=shop/category=default/day=2026-11-24/run_id=\(run)/event_type=item"
    let key = layout.dataKey(id, partition: partition)
    let lines = seqs.map { seq in
      #"{"record_kind":"event","source":"shop","category":"default","day":"2026-11-24","run_id":"\#(run)","#
        + #""event_type":"item","seq":\#(seq),"ts":"2026-11-24T10:00:0\#(seq).000Z"}"# + "\n"
    }.joined()
    try put(lines, at: layout.path(of: key))
    let manifest = Manifest(
      dataset: "quarry", id: id, createdAt: Timestamp.now().text(fraction: 9),
      files: [Manifest.File(path: key, sizeBytes: Int64(lines.utf8.count))], parent: parent,
      rowCount: Int64(seqs.count))
    for folder in [layout.segmentFolder(id, partition: partition), layout.canonicalFolder(id)] {
      try put(String(decoding: manifest.encoded, as: UTF8.self), at: "\(folder)/manifest.json")
    }
    if movesPointer { try put("\(id)", at: layout.pointer) }
  }

  func damage(_ damage: LostSnapshotTests.Damage) throws {
    let ids = try self.ids()
    func canonical(_ places: Range<Int>) -> [String] { places.map { layout.canonicalFolder(ids[$0]) } }
    var gone: [String] = []
    switch damage {
    case .none: break
    case .oldPointer: try putPointerBack(to: ids[2])
    case .oldPointerWithoutLock:
      try putPointerBack(to: ids[2])
      gone = [layout.lock]
    case .oldPointerAndLock, .oldPointerLockAndTimes:
      try putPointerBack(to: ids[2])
      try put("quarry-commit 0\nlatest \(ids[2])\n", at: layout.lock)
      if damage == .oldPointerLockAndTimes {
        // As a copy of an older backup onto the dataset leaves it.
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSinceNow: -7_200)], ofItemAtPath: layout.segments)
      }
    case .noPointer: gone = [layout.pointer]
    case .noPointerNorNewest: gone = [layout.pointer] + canonical(6..<8)
    case .noPointerNorMiddle: gone = [layout.pointer] + canonical(3..<4)
    case .oldest: gone = canonical(0..<3)
    case .oldestWithoutLock: gone = [layout.lock] + canonical(0..<3)
    case .segmentsAndPointer: gone = [layout.pointer, layout.segments]
    case .segments: gone = [layout.segments]
    case .unusablePointer: try put("hello", at: layout.pointer)
    case .unusablePointerWithoutLock:
      try put("hello", at: layout.pointer)
      gone = [layout.lock]
    case .fork, .forkNoted, .forkOntoOldPointerAfterwards:
      // As a program does that knows nothing of `latest.lock`, onto an old pointer.
      try commitByAnother(run: "other", 1..<3, id: SnapshotID(ids[7].value + 1), after: ids[2])
      if damage == .forkNoted { try put("", at: "\(layout.own)/lost/\(ids[7])") }
      if damage == .forkOntoOldPointerAfterwards { try putPointerBack(to: ids[3]) }
    }
    for path in gone { try FileManager.default.removeItem(atPath: path) }
  }

  /// To what was committed a while before the others.
  private func putPointerBack(to id: SnapshotID) throws {
    try put("\(id)", at: layout.pointer)
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -3_600)], ofItemAtPath: layout.canonicalFolder(id))
  }

  func removeManifests(of id: SnapshotID) throws {
    for path in tree(layout.folder) where path.hasSuffix("/\(id)/manifest.json") {
      try FileManager.default.removeItem(atPath: "\(layout.folder)/\(path)")
    }
  }

  func errors() throws -> [Finding] {
    var errors: [Finding] = []
    _ = try reader.verify { if $0.severity == .error { errors.append($0) } }
    return errors
  }

  func repair(
    writes: Bool = true, files: FileSystem = FileSystem()
  ) throws -> (found: [MissingManifest], complaints: [String]) {
    var found: [MissingManifest] = []
    let repair = ManifestRepair(DiskStore(root: root.path, files: files), layout: layout)
    let complaints = try repair.repair(writes: writes) { found.append($0) }
    return (found, complaints)
  }

  func collect(removes: Bool = true) throws -> [String] {
    let old = Date(timeIntervalSinceNow: -7_200)
    for path in tree(root.path) {
      try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: "\(root.path)/\(path)")
    }
    var removed: [String] = []
    try LeftoverCollector(root: root.path, dataset: "quarry", age: .zero).collect(removes: removes) { leftover, _ in
      if leftover.kind != .folder { removed.append(leftover.path) }
    }
    return removed
  }

  func expectThatNothingIsRemoved(_ location: SourceLocation = #_sourceLocation) throws {
    let before = tree(root.path)
    #expect(throws: QuarryError.self, sourceLocation: location) { try collect() }
    #expect(tree(root.path) == before, sourceLocation: location)
  }

  /// What each question says.
  func warnings() throws -> [[String]] {
    var (ofRecords, ofRun): ([String], [String]) = ([], [])
    _ = try reader.records(RecordQuery(), note: { ofRecords.append($0) }) { _ in true }
    _ = try reader.run("r1", note: { ofRun.append($0) })
    return [
      ofRecords, ofRun, try reader.runs().warnings, try reader.runs(limit: 9).warnings,
      try reader.runCounts().warnings, try reader.jobs().warnings,
      try reader.forEachMetrics(RunFilter()) { _, _ in }, try reader.forEachMetrics(RunFilter(), limit: 9) { _, _ in },
    ]
  }

  func expectThatEverybodyKnows(_ comment: Comment, _ location: SourceLocation = #_sourceLocation) throws {
    for (number, warnings) in try warnings().enumerated() {
      #expect(
        warnings.contains { $0.contains("quarry lode repair --yes") }, "\(comment), question \(number): \(warnings)",
        sourceLocation: location)
      #expect(Set(warnings).count == warnings.count, comment, sourceLocation: location)
    }
    let listed = Set(try reader.runs().rows.map(\.runID))
    #expect(try reader.runCounts().total == listed.count, comment, sourceLocation: location)
    #expect(try Set(read()) == listed, comment, sourceLocation: location)
  }

  /// The run of each record.
  private func read() throws -> [String] {
    var read: [String] = []
    try reader.records(RecordQuery()) { line in
      if let run = (try? JSONParser.parse(Array(line)))?["run_id"]?.string { read.append(run) }
      return true
    }
    return read
  }

  func expectNothingToSay(_ location: SourceLocation = #_sourceLocation) throws {
    #expect(try errors() == [], sourceLocation: location)
    for (number, warnings) in try warnings().enumerated() {
      #expect(warnings == [], "question \(number)", sourceLocation: location)
    }
    #expect(try repair().found.isEmpty, sourceLocation: location)
  }

  /// Everything is there once.
  func expectWhole(_ runs: [String], _ location: SourceLocation = #_sourceLocation) throws {
    try expectNothingToSay(location)
    #expect(try faults(reader) == [], sourceLocation: location)
    #expect(try Set(reader.runs().rows.map(\.runID)) == Set(runs), sourceLocation: location)
    #expect(try Set(reader.runs(limit: 99).rows.map(\.runID)) == Set(runs), sourceLocation: location)
    for run in runs { #expect(try sequence(reader, run) == [1, 2], "\(run)", sourceLocation: location) }
    #expect(try read().count == 2 * runs.count, sourceLocation: location)
  }
}
