import Crypto
import Foundation
import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import TestTraits
import Testing

/// A whole dataset is checked: a clean one has no findings, and each kind of damage is found where it is.
@Suite(.ownThread) struct VerifyTests {
  private let root = TemporaryDirectory()
  private var dataset: LodeDataset { LodeDataset(root: root.path, durability: .none) }
  private var reader: LodeReader { LodeReader(root: root.path) }

  private func verify() throws -> (figures: VerifyFigures, findings: [Finding]) {
    var findings: [Finding] = []
    let figures = try reader.verify { findings.append($0) }
    #expect(figures.errors == findings.count { $0.severity == .error })
    #expect(figures.notes == findings.count { $0.severity == .note })
    return (figures, findings)
  }

  private func expectClean(_ comment: Comment? = nil) throws {
    let (_, findings) = try verify()
    #expect(findings == [], comment)
  }

  /// Exactly one error, of this kind, at this place.
  private func expectError(
    _ kind: Finding.Kind, at place: String, says text: String, _ location: SourceLocation = #_sourceLocation
  ) throws {
    let errors = try verify().findings.filter { $0.severity == .error }
    #expect(errors.count == 1, "\(errors)", sourceLocation: location)
    #expect(errors.first?.kind == kind, "\(errors)", sourceLocation: location)
    #expect(errors.first?.place == place, sourceLocation: location)
    #expect(errors.first?.message.contains(text) == true, "\(errors)", sourceLocation: location)
  }

  private func lineage(_ batch: inout RecordBatch, _ artifact: String, size: Int64, seq: Int64) {
    batch.append(.artifactEvent, eventType: "artifact") { out in
      JSONText.appendMember("seq", seq, to: &out)
      JSONText.appendMember("artifact_id", artifact, to: &out)
      JSONText.appendMember("name", "n", to: &out)
      JSONText.appendMember("content_type", "a/b", to: &out)
      JSONText.appendMember("size_bytes", size, to: &out)
    }
  }

  private func metrics(_ batch: inout RecordBatch, persisted: Int64, dropped: Int64 = 0, completed: Int64 = 1) {
    batch.append(.metrics, eventType: "metrics") { out in
      JSONText.appendMember("ts", "2026-11-24T10:01:00Z", to: &out)
      JSONText.appendMember("runs_completed_total", completed, to: &out)
      JSONText.appendMember("events_persisted_total", persisted, to: &out)
      JSONText.appendMember("events_dropped_total", dropped, to: &out)
    }
  }

  @Test func remediesLeadToTheDatasetThatWasChecked() throws {
    try store("a")
    try put("", at: reader.layout.pointer)
    let flagged = LodeReader(DatasetLayout(DiskStore(root: root.path), dataset: "quarry", flags: " --storage-path DIR"))
    var messages: [String] = []
    _ = try flagged.verify { messages.append($0.message) }
    #expect(
      messages.contains { $0.hasSuffix("`quarry lode repair --yes --storage-path DIR` puts it right") }, "\(messages)")
  }

  /// Stored files may be anybody's: numbers at the end of their range are found wrong and end nothing.
  @Test func numbersAtTheEndOfTheirRangeEndNothing() throws {
    let run = try Run(dataset, id: "r1")
    for _ in 0..<2 {
      try run.sink.write(
        run.batch { batch in
          for seq in [Int.max, .min, 1] { batch.addEvent("item", seq: seq) }
          metrics(&batch, persisted: .max, dropped: .max)
        })
    }
    for manifest in try reader.chain().rows {
      let path = "\(root.path)/datasets/quarry/segments/\(manifest.id)/manifest.json"
      let changed = (text(path) ?? "").replacing(/"size_bytes": \d+/, with: "\"size_bytes\": \(Int64.max)")
      try changed.write(toFile: path, atomically: false, encoding: .utf8)
    }
    #expect(try verify().figures.errors > 0)
    #expect(try reader.run("r1") != nil)
    var tally = ExecutorTally()
    let record: JSONValue = [
      "executor": "e", "executor_crash_total": .integer(.max), "executor_launch_failure_total": .integer(.max),
      "ipc_decode_errors_total": .integer(.max),
    ]
    for _ in 0..<2 { tally.add(record, runID: "r1") }
    #expect(tally.newestFirst.first?.crashes == .max)
  }

  /// A run with items, logs, an artifact of two chunks, a file and metrics, in three commits.
  private func store(_ id: String) throws {
    let run = try Run(dataset, id: id, source: "a/b")
    try run.sink.write(
      run.batch { batch in
        batch.addEvent("item", seq: 1)
        batch.addEvent("log", seq: 2)
        batch.addEvent("item", seq: 3)
        batch.addChunk(artifact: "art", seq: 1, last: false, length: 30)
      })
    try run.put("page.txt", "hello")
    try run.sink.write(
      run.batch { batch in
        batch.addChunk(artifact: "art", seq: 2, last: true, length: 3)
        lineage(&batch, "art", size: 33, seq: 4)
        batch.addEvent("run_complete", seq: 5)
      })
    try run.sink.write(run.batch { metrics(&$0, persisted: 5) })
  }

  private func file(of run: String, _ type: String, _ place: Int = 0) throws -> String {
    let found = tree(reader.layout.folder).filter {
      $0.contains("run_id=\(run)/event_type=\(type)/") && $0.hasSuffix("/data/data")
    }
    return "\(reader.layout.folder)/\(try #require(found.dropFirst(place).first))"
  }

  private func change(_ path: String, _ change: (String) -> String) throws {
    try put(change(try #require(text(path))), at: path)
  }

  /// Replaces lines by others of the same length.
  private func edit(_ path: String, _ old: String, _ new: String) throws {
    #expect(old.utf8.count == new.utf8.count && text(path)?.contains(old) == true)
    try change(path) { $0.replacing(old, with: new) }
  }

  @Test func aCleanDatasetHasNoFindings() throws {
    for id in ["r1", "r2"] { try store(id) }
    try dataset.ledger.append([#"{"kind":"job"}"#, #"{"kind":"x"}"#], fleet: "f", jobID: "j")
    let (figures, findings) = try verify()
    #expect(findings == [])
    #expect(figures.snapshots == 7 && figures.runs == 2 && figures.artifacts == 2 && figures.sidecarFiles == 2)
    #expect(figures.files == 13 && figures.records == 18)
    let bytes = tree(reader.layout.folder).filter { $0.hasSuffix("/data/data") }.reduce(Int64(0)) { sum, path in
      sum + Int64(text("\(reader.layout.folder)/\(path)")?.utf8.count ?? 0)
    }
    #expect(figures.bytes == bytes)
  }

  @Test func nothingAtAllIsNothing() throws {
    #expect(try verify().figures == VerifyFigures())
    #expect(tree(root.path) == [])
  }

  @Test func manyWritersLeaveACleanDataset() throws {
    let shared = dataset
    let path = root.path
    onThreads(8) { index in
      let own = index % 2 == 0 ? shared : LodeDataset(root: path, durability: .none)
      guard let run = try? Run(own, id: "r\(index)") else { return }
      for round in 0..<10 { try? run.sink.write(run.items(round * 2 + 1..<round * 2 + 3)) }
      try? run.sink.write(run.batch { $0.addEvent("run_complete", seq: 21) })
      try? run.sink.write(run.batch { metrics(&$0, persisted: 21) })
    }
    try expectClean()
    #expect(try verify().figures.records == 8 * 22)
  }

  // MARK: The chain

  @Test func aPointerThatNamesNothingIsFound() throws {
    try store("r1")
    try put("17", at: reader.layout.pointer)
    try expectError(.pointer, at: reader.layout.pointer, says: "as if that file were an old one")
    try put("hello", at: reader.layout.pointer)
    try expectError(.pointer, at: reader.layout.pointer, says: "names no snapshot")
    try FileManager.default.removeItem(atPath: reader.layout.pointer)
    try expectError(.pointer, at: reader.layout.pointer, says: "is not there")
    // As other programs leave it.
    try FileManager.default.removeItem(atPath: reader.layout.lock)
    #expect(try verify().findings.map(\.kind) == [.pointer])
    #expect(try verify().figures.errors == 0)
  }

  @Test func aSnapshotThatIsGoneIsFound() throws {
    try store("r1")
    let middle = try reader.chain().rows[1]
    for path in tree(reader.layout.folder) where path.hasSuffix("/\(middle.id)/manifest.json") {
      try FileManager.default.removeItem(atPath: "\(reader.layout.folder)/\(path)")
    }
    let findings = try verify().findings
    #expect(findings.contains { $0.kind == .chain && $0.message.contains("follows \(middle.id), which is not there") })
    // Its data is there and counts for nothing.
    #expect(findings.contains { $0.kind == .leftover && $0.place.contains("/\(middle.id)/data/data") })
    #expect(findings.contains { $0.kind == .metrics && $0.message.contains("no run_complete") })
  }

  @Test func aManifestOfAnotherDatasetIsFound() throws {
    try store("r1")
    let head = try reader.chain().rows[0]
    let canonical = "\(reader.layout.canonicalFolder(head.id))/manifest.json"
    // Written in place: the copy in the partition is the same file.
    let handle = try #require(FileHandle(forWritingAtPath: canonical))
    let changed = try #require(text(canonical)).replacing(#""dataset_id": "quarry""#, with: #""dataset_id": "quarrx""#)
    try handle.write(contentsOf: Data(changed.utf8))
    let message = "\(canonical) is passed over: it is of dataset 'quarrx'"
    #expect(try verify().findings.contains { $0.severity == .error && $0.message == message })
    #expect(try reader.runs().warnings.contains(message) && reader.runs(limit: 9).warnings.contains(message))
    var notes: [String] = []
    try reader.records(RecordQuery(), note: { notes.append($0) }) { line in
      #expect(!String(decoding: line, as: UTF8.self).contains("\"event_type\":\"metrics\""))
      return true
    }
    #expect(notes.contains(message))
  }

  @Test func aCopyThatDiffersOrIsMissingIsFound() throws {
    try store("r1")
    let head = try reader.chain().rows[0]
    let partition = try #require(reader.layout.partition(ofDataKey: head.files[0].path))
    let copy = "\(reader.layout.segmentFolder(head.id, partition: partition))/manifest.json"
    let whole = try #require(text(copy))
    try FileManager.default.removeItem(atPath: copy)
    try put(whole, at: copy)
    try expectClean("a copy as a file of its own")
    try FileManager.default.removeItem(atPath: copy)
    try put(whole.replacing(#""row_count": 1"#, with: #""row_count": 2"#), at: copy)
    try expectError(.manifest, at: copy, says: "differs from")
    try FileManager.default.removeItem(atPath: copy)
    let errors = try verify().findings.filter { $0.severity == .error }
    #expect(errors.contains { $0.kind == .manifest && $0.place == copy })
  }

  @Test func aMissingCopyOfOneOfManyPartitionsIsFound() throws {
    let run = try Run(dataset, id: "r1")
    try run.sink.write(
      run.batch {
        $0.addEvent("item", seq: 1); $0.addEvent("log", seq: 2)
      })
    let head = try reader.chain().rows[0]
    let partition = try #require(reader.layout.partition(ofDataKey: head.files[0].path))
    let copy = "\(reader.layout.segmentFolder(head.id, partition: partition))/manifest.json"
    try FileManager.default.removeItem(atPath: copy)
    try expectError(.manifest, at: copy, says: "is not there")
  }

  /// Copies in partitions serve Quarry's readers, and nobody else's.
  @Test(arguments: [0, 1])
  func aMissingCanonicalManifestIsFound(_ place: Int) throws {
    try store("r1")
    let canonical = "\(reader.layout.canonicalFolder(try reader.chain().rows[place].id))/manifest.json"
    try FileManager.default.removeItem(atPath: canonical)
    try expectError(.manifest, at: canonical, says: "is not there")
  }

  @Test func allCanonicalManifestsMissingIsFound() throws {
    try store("r1")
    let canonical = try reader.chain().rows.map { "\(reader.layout.canonicalFolder($0.id))/manifest.json" }
    try FileManager.default.removeItem(atPath: reader.layout.segments)
    let errors = try verify().findings.filter { $0.severity == .error }
    #expect(errors.map(\.place) == canonical && errors.allSatisfy { $0.message.contains("is not there") })
  }

  // MARK: Files and lines

  @Test func missingAndTruncatedFilesAreFound() throws {
    for id in ["r1", "r2"] { try store(id) }
    let gone = try file(of: "r1", "log")
    try FileManager.default.removeItem(atPath: gone)
    let short = try file(of: "r2", "item")
    let size = text(short)?.utf8.count ?? 0
    try change(short) { String($0.dropLast(9)) }
    let findings = try verify().findings
    func has(_ kind: Finding.Kind, _ place: String, _ text: String) {
      #expect(findings.contains { $0.kind == kind && $0.place == place && $0.message.contains(text) }, "\(findings)")
    }
    has(.file, gone, "is not there")
    has(
      .sequence, "source=a%2Fb/category=default/day=2026-11-24/run_id=r1", "1 events are missing, the first has seq 2")
    has(.file, short, "has \(size - 9) bytes; its manifest says \(size)")
    has(.line, short, "line 2: no JSON object")
    has(.metrics, "source=a%2Fb/category=default/day=2026-11-24/run_id=r1", "5 events are said to be stored, and 4 are")
    #expect(findings.allSatisfy { $0.severity == .error || $0.kind == .leftover })
  }

  @Test func checksumsAreHeldAgainstTheFiles() throws {
    try store("r1")
    let head = try reader.chain().rows[0]
    let path = reader.layout.path(of: head.files[0].path)
    func stamp(_ checksum: String) throws {
      var stamped = head
      stamped.files[0].checksum = checksum
      let text = String(decoding: stamped.encoded, as: UTF8.self)
      for place in tree(reader.layout.folder) where place.hasSuffix("/\(head.id)/manifest.json") {
        try FileManager.default.removeItem(atPath: "\(reader.layout.folder)/\(place)")
        try put(text, at: "\(reader.layout.folder)/\(place)")
      }
    }
    let content = Array(try #require(text(path)).utf8)
    try stamp(Insecure.MD5.hash(data: content).map { String(format: "%02x", $0) }.joined())
    try expectClean()
    try stamp("900150983cd24fb0d6963f7d28e17f72")
    try expectError(.checksum, at: path, says: "900150983cd24fb0d6963f7d28e17f72")
  }

  @Test func linesThatAreNoneOrElsewheresAreFound() throws {
    try store("r1")
    let items = try file(of: "r1", "item")
    try edit(items, #""source":"a/b""#, #""source":"a/c""#)
    try expectError(.line, at: items, says: "line 1 and 1 more: of another partition: its source is 'a/c'")
    try edit(items, #""source":"a/c""#, #""source":"a/b""#)
    try edit(items, #""event_type":"item""#, #""event_typo":"item""#)
    try expectError(.line, at: items, says: "its event_type is missing")
    try edit(items, #""event_typo":"item""#, #""event_type":"item""#)
    try expectClean()
    try edit(items, "2026-11-24T10:00:03.000Z\"", "2026-11-24T10:00:03.000\u{1}\"")
    let errors = try verify().findings.filter { $0.severity == .error }
    #expect(errors.contains { $0.kind == .line && $0.place == items && $0.message == "line 2: no JSON object" })
  }

  @Test func recordsMoreOrFewerThanTheManifestSaysAreFound() throws {
    try store("r1")
    let log = try file(of: "r1", "log")
    let line = try #require(text(log))
    try put(line.replacing(",\"policy\":\"strict\"", with: "") + "{}\n", at: log)
    let findings = try verify().findings
    #expect(
      findings.contains { $0.kind == .rows && $0.message == "there are 1 more records than it says" }, "\(findings)")
  }

  // MARK: Runs

  @Test func gapsAreHeldAgainstWhatWasDropped() throws {
    func gap(_ id: String, dropped: Int64) throws {
      let run = try Run(dataset, id: id)
      try run.sink.write(
        run.batch {
          $0.addEvent("item", seq: 1); $0.addEvent("item", seq: 4)
        })
      try run.sink.write(run.batch { $0.addEvent("run_complete", seq: 5) })
      try run.sink.write(run.batch { metrics(&$0, persisted: 3, dropped: dropped) })
    }
    try gap("dropped", dropped: 2)
    try expectClean()
    try gap("lost", dropped: 1)
    try expectError(
      .sequence, at: "source=shop/category=default/day=2026-11-24/run_id=lost",
      says: "2 events are missing, the first has seq 2; 1 were dropped")
  }

  @Test func repeatedAndLateEventsAreFound() throws {
    let run = try Run(dataset, id: "r")
    try run.sink.write(run.items(1..<4))
    try run.sink.write(run.items(3..<5))
    try run.sink.write(run.batch { metrics(&$0, persisted: 4, completed: 0) })
    try expectError(
      .sequence, at: "source=shop/category=default/day=2026-11-24/run_id=r",
      says: "1 events are stored again or too late, the first has seq 3")
  }

  @Test func metricsThatSayMoreThanIsStoredAreFound() throws {
    let run = try Run(dataset, id: "r")
    try run.sink.write(run.items(1..<4))
    try run.sink.write(run.batch { metrics(&$0, persisted: 4) })
    let messages = try verify().findings.map(\.message)
    #expect(
      messages == [
        "the run is said to be complete and has no run_complete", "4 events are said to be stored, and 3 are",
      ])
  }

  @Test func artifactsThatAreNotWholeAreFound() throws {
    let run = try Run(dataset, id: "r")
    try run.sink.write(
      run.batch { batch in
        batch.addChunk(artifact: "short", seq: 1, last: false, length: 30)
        lineage(&batch, "short", size: 30, seq: 1)
        batch.addChunk(artifact: "open", seq: 1, last: true, length: 30)
        metrics(&batch, persisted: 1, completed: 0)
      })
    let findings = try verify().findings
    #expect(findings.count == 2)
    #expect(
      findings.contains { $0.severity == .error && $0.kind == .artifact && $0.message.hasPrefix("artifact short") })
    #expect(findings.contains { $0.severity == .note && $0.message == "artifact open has no commit" })
    let chunks = try file(of: "r", "artifact")
    try change(chunks) { $0.replacing("QUJDQUJD", with: "QUJDQU*D") }
    #expect(try verify().findings.contains { $0.place == chunks && $0.message.contains("its data is no base64") })
  }

  @Test func aRunWithoutAnEndIsANote() throws {
    let run = try Run(dataset, id: "r")
    try run.sink.write(run.items(1..<4))
    let (figures, findings) = try verify()
    #expect(figures.errors == 0 && findings.map(\.kind) == [.run] && findings[0].runID == "r")
  }

  @Test func filesBesideTheRecordsAreHeldAgainstTheirList() throws {
    try store("r1")
    let key = try #require(try reader.run("r1")?.sidecarFiles.first?.path)
    let path = reader.layout.path(of: key)
    try put("hell", at: path)
    try expectError(.sidecar, at: path, says: "has 4 bytes; its manifest says 5")
    try put("hello", at: path)
    try put("{}", at: "\(path).meta.json")
    try expectError(.sidecar, at: "\(path).meta.json", says: "does not say content type 'text/plain'")
    try FileManager.default.removeItem(atPath: "\(path).meta.json")
    try expectError(.sidecar, at: "\(path).meta.json", says: "is not there")
    try FileManager.default.removeItem(atPath: path)
    #expect(try verify().figures.errors == 1)
  }

  private func findings(whereLocked isLocked: @escaping @Sendable (String) -> Bool) throws -> [Finding] {
    let store = LockedStore(store: DiskStore(root: root.path), isLocked: isLocked)
    var findings: [Finding] = []
    _ = try LodeReader(DatasetLayout(store, dataset: "quarry")).verify { findings.append($0) }
    return findings
  }

  @Test func whatCannotBeReadIsNamedAndTheRestIsChecked() throws {
    for id in ["r1", "r2", "r3"] { try store(id) }
    let items = try file(of: "r2", "item")
    try edit(try file(of: "r3", "log"), #""event_type":"log""#, #""event_typo":"log""#)
    for locked in [items, "\(reader.layout.folder)/partitions/source=a%2Fb/category=default/day=2026-11-24/run_id=r2"] {
      let findings = try findings { $0 == locked }
      #expect(
        findings.contains { $0.severity == .error && $0.place == locked && $0.message.contains("Permission denied") })
      #expect(findings.contains { $0.kind == .line && $0.message.contains("its event_type is missing") }, "\(findings)")
      // Of events that may be there none is said to be missing.
      #expect(!findings.contains { $0.runID == "r2" && $0.severity == .error }, "\(findings)")
    }
  }

  /// As a folder is for a user without the right to: nothing below it can be looked at either.
  @Test func whatMayNotBeLookedAtIsNotSaidToBeGone() throws {
    for id in ["r1", "r2"] { try store(id) }
    let locked = "\(reader.layout.folder)/partitions/source=a%2Fb/category=default/day=2026-11-24/run_id=r2"
    let findings = try findings { $0.hasPrefix(locked) }
    #expect(findings.contains { $0.place == locked })
    #expect(findings.allSatisfy { $0.message.contains("Permission denied") }, "\(findings)")
  }

  /// A folder that holds itself, and a data file that lies elsewhere.
  @Test func linksAreNamedAndNotFollowed() throws {
    for id in ["r1", "r2"] { try store(id) }
    let loop = "\(reader.layout.partitions)/source=loop"
    try FileManager.default.createSymbolicLink(atPath: loop, withDestinationPath: ".")
    let items = try file(of: "r1", "item")
    try FileManager.default.moveItem(atPath: items, toPath: "\(root.path)/elsewhere")
    try FileManager.default.createSymbolicLink(atPath: items, withDestinationPath: "\(root.path)/elsewhere")
    let errors = try verify().findings.filter { $0.severity == .error && $0.message.contains("symbolic link") }
    #expect(Set(errors.map(\.place)) == [loop, items], "\(errors)")
    #expect(errors.count == 2)
    var notes: [String] = []
    let figures = try reader.records(RecordQuery(types: ["item"]), note: { notes.append($0) }) { _ in true }
    #expect(figures.records == 2)
    for place in [loop, items] {
      #expect(notes.contains { $0.contains("\(place): it is a symbolic link") }, "\(notes)")
    }
    try LeftoverCollector(root: root.path, dataset: "quarry", age: .zero).collect(removes: true) { leftover, _ in
      Issue.record("\(leftover.path)")
    }
  }

  /// Anywhere on the way to a file; the dataset's own folder may be one.
  @Test func nothingBehindALinkIsRead() throws {
    for id in ["r1", "r2"] { try store(id) }
    let items = try file(of: "r1", "item")
    let elsewhere = "\(root.path)/elsewhere"
    try FileManager.default.moveItem(atPath: reader.layout.folder, toPath: elsewhere)
    try FileManager.default.createSymbolicLink(atPath: reader.layout.folder, withDestinationPath: elsewhere)
    #expect(try verify().findings.filter { $0.severity == .error } == [])
    #expect(try reader.runs().rows.count == 2)
    var folder = items
    while let parent = FileSystem.parent(of: folder), parent != reader.layout.folder {
      folder = parent
      try FileManager.default.moveItem(atPath: folder, toPath: "\(root.path)/moved")
      try FileManager.default.createSymbolicLink(atPath: folder, withDestinationPath: "\(root.path)/moved")
      var notes: [String] = []
      try reader.records(RecordQuery(), note: { notes.append($0) }) { line in
        let record = try? JSONParser.parse(Array(line))
        #expect(record?["run_id"] == "r2" || record?["event_type"] != "item", "\(folder)")
        return true
      }
      #expect(notes.contains { $0.contains("lies behind one") }, "\(folder): \(notes)")
      #expect(notes.contains { $0.contains("(\(folder))") || $0.contains(" \(folder): ") }, "\(folder): \(notes)")
      #expect(try verify().findings.contains { $0.severity == .error && $0.message.contains("lies behind one") })
      // Whatever could not be read might have been of the job; without any partition its ledger cannot be looked for.
      if folder != reader.layout.partitions {
        notes = []
        _ = try reader.job("nope") { notes.append($0) }
        #expect(try notes == reader.runs().warnings)
      }
      try FileManager.default.removeItem(atPath: folder)
      try FileManager.default.moveItem(atPath: "\(root.path)/moved", toPath: folder)
    }
    #expect(try verify().findings.filter { $0.severity == .error } == [])
  }

  /// What a link hides may be a snapshot: a writer does not commit onto less.
  @Test func aWriterStopsAtALinkInTheChain() throws {
    try store("r1")
    let head = try reader.chain().rows[0].id
    let manifest = "\(reader.layout.canonicalFolder(head))/manifest.json"
    try FileManager.default.moveItem(atPath: manifest, toPath: "\(root.path)/elsewhere")
    try FileManager.default.createSymbolicLink(atPath: manifest, withDestinationPath: "\(root.path)/elsewhere")
    let error = #expect(throws: QuarryError.self) { try store("r2") }
    #expect(error?.message.contains("\(manifest): it is a symbolic link") == true)
  }

  @Test func aSnapshotThatWasGoneWhenTheNextWasCommittedIsFound() throws {
    try store("r1")
    let lost = try reader.chain().rows[0].id
    let manifest = try #require(text("\(reader.layout.canonicalFolder(lost))/manifest.json"))
    for path in tree(reader.layout.folder) where path.hasSuffix("/\(lost)/manifest.json") {
      try FileManager.default.removeItem(atPath: "\(reader.layout.folder)/\(path)")
    }
    try store("r2")
    let errors = try verify().findings.filter { $0.severity == .error }
    #expect(errors.contains { $0.kind == .chain && $0.message.contains("snapshot \(lost) is lost") }, "\(errors)")
    #expect(try reader.runs().warnings.contains { $0.contains("snapshot \(lost) is lost") })
    #expect(throws: QuarryError.self) {
      try LeftoverCollector(root: root.path, dataset: "quarry", age: .zero).collect(removes: true) { _, _ in }
    }
    // Brought back, it is on no chain.
    let folder = reader.layout.canonicalFolder(lost)
    try put(manifest, at: "\(folder)/manifest.json")
    #expect(try reader.runs().warnings.contains { $0.contains("snapshot \(lost) is lost") })
    try FileManager.default.removeItem(atPath: folder)
    // Whoever does without it says so.
    try FileManager.default.removeItem(atPath: "\(reader.layout.folder)/.quarry/lost/\(lost)")
    #expect(try reader.runs().warnings == [])
  }

  /// Programs that hold no lock move `latest` before the manifest is there: a writer that comes in between waits for it.
  @Test func aManifestThatIsOnlyLateIsNotLost() throws {
    try store("r1")
    let late = try reader.chain().rows[0].id
    let manifest = try #require(text("\(reader.layout.canonicalFolder(late))/manifest.json"))
    let paths = tree(reader.layout.folder).filter { $0.hasSuffix("/\(late)/manifest.json") }.map {
      "\(reader.layout.folder)/\($0)"
    }
    for path in paths { try FileManager.default.removeItem(atPath: path) }
    let waits = Mutex<[Duration]>([])
    let clock = SnapshotClock(wait: { time in
      waits.withLock { $0.append(time) }
      #expect(throws: Never.self) { for path in paths { try put(manifest, at: path) } }
    })
    let run = try Run(LodeDataset(root: root.path, durability: .none, clock: clock), id: "r2")
    try run.sink.write(run.items(0..<1))
    #expect(waits.withLock { $0 } == [.seconds(1)])
    #expect(try reader.runs().warnings == [] && reader.chain().rows.map(\.id).contains(late))
    #expect(tree(reader.layout.folder + "/.quarry/lost") == [])
    // One that came while its loss was noted, by a writer that then died.
    try put("", at: "\(reader.layout.folder)/.quarry/lost/\(late)")
    #expect(try reader.runs().warnings == [])
  }

  /// Nobody writes to it, so a reader that opened it would wait for ever.
  @Test func aNamedPipeIsNotWaitedFor() throws {
    for id in ["r1", "r2"] { try store(id) }
    let items = try file(of: "r1", "item")
    try FileManager.default.removeItem(atPath: items)
    #expect(mkfifo(items, 0o600) == 0)
    let canonical = "\(reader.layout.canonicalFolder(try reader.chain().rows[1].id))/manifest.json"
    try FileManager.default.removeItem(atPath: canonical)
    #expect(mkfifo(canonical, 0o600) == 0)
    let errors = try verify().findings.filter { $0.severity == .error }
    for path in [items, canonical] {
      #expect(
        errors.contains { $0.place == path && $0.message == "cannot read \(path): it is no regular file" }, "\(errors)")
    }
    var notes: [String] = []
    try FileManager.default.removeItem(atPath: canonical)
    try reader.records(RecordQuery(), note: { notes.append($0) }) { _ in true }
    #expect(notes.contains("cannot read \(items): it is no regular file"))
    #expect(try reader.runs().rows.count == 2)
  }

  /// What is no folder holds nothing, and nobody calls it an empty one.
  @Test(arguments: ["pipe", "file", "link"]) func whatLiesInPlaceOfAFolderIsNoFolder(_ kind: String) throws {
    for id in ["r1", "r2"] { try store(id) }
    let items = try file(of: "r1", "item")
    let place = try #require(FileSystem.parent(of: items))
    try FileManager.default.removeItem(atPath: place)
    switch kind {
    case "pipe": #expect(mkfifo(place, 0o600) == 0)
    case "file": try put("x", at: place)
    default: try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: "nowhere")
    }
    let findings = try verify().findings
    #expect(!findings.contains { $0.kind == .leftover }, "\(findings)")
    #expect(findings.contains { $0.severity == .error && $0.place == items }, "\(findings)")
  }

  // MARK: What may be there

  @Test func whatCrashesLeaveAreNotes() throws {
    try store("r1")
    let folder = reader.layout.folder
    let segment =
      "\(folder)/partitions/source=a%2Fb/category=default/day=2026-11-24/run_id=dead/event_type=item/segments/7"
    let left = [
      "\(folder)/.lode-cas-1", "\(folder)/.quarry/.lode-cas-2", "\(segment)/data/data", "\(segment)/.lode-cas-manifest",
      "\(folder)/segments/\(Int64.max - 1)/manifest.json",
      "\(folder)/partitions/source=a%2Fb/category=default/day=2026-11-24/run_id=dead/files/x.txt",
    ]
    for path in left { try put("x", at: path) }
    let empty = "\(folder)/partitions/source=gone"
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: false)
    let (figures, findings) = try verify()
    #expect(figures.errors == 0)
    #expect(findings.allSatisfy { $0.kind == .leftover })
    #expect(findings.map(\.place).sorted() == (left + [empty]).sorted())
  }

  @Test func whatOthersWriteBesidesIsFine() throws {
    try store("r1")
    let items = try file(of: "r1", "item")
    let head = try reader.chain().rows[0]
    try put("anything", at: "\(reader.layout.folder)/README")
    let canonical = "\(reader.layout.canonicalFolder(head.id))/manifest.json"
    let copy = try #require(
      tree(reader.layout.folder).first { $0.hasSuffix("event_type=metrics/segments/\(head.id)/manifest.json") })
    for path in [canonical, "\(reader.layout.folder)/\(copy)"] {
      let changed = try #require(text(path)).replacing("\"codec\"", with: "\"statistics\": {\"x\": [1]},\n  \"codec\"")
      try FileManager.default.removeItem(atPath: path)
      try put(changed, at: path)
    }
    #expect(text(items) != nil)
    try expectClean()
  }
}
