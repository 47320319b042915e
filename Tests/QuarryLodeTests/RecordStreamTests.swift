import Foundation
import QuarryCore
import QuarryLode
import TestSupport
import TestTraits
import Testing

/// Records of many runs as one stream: which, in which order, and what of a damaged dataset.
@Suite(.ownThread) struct RecordStreamTests {
  private let root = TemporaryDirectory()
  private var dataset: LodeDataset { LodeDataset(root: root.path, durability: .none) }
  private var reader: LodeReader { LodeReader(root: root.path) }

  /// `run:seq` of each line, in the order of the stream.
  private func read(
    _ filter: RunFilter = RunFilter(), types: Set<String> = [], notes: inout [String]
  ) throws -> (lines: [String], figures: RecordFigures) {
    var lines: [String] = []
    var told: [String] = []
    let figures = try reader.records(RecordQuery(runs: filter, types: types), note: { told.append($0) }) { line in
      let members = RecordMembers.read(["run_id", "seq", "event_type"], from: line)
      lines.append("\(members["run_id"]?.string ?? ""):\(members["seq"]?.integer ?? -1)")
      return true
    }
    notes = told
    return (lines, figures)
  }

  private func lines(_ filter: RunFilter = RunFilter(), types: Set<String> = []) throws -> [String] {
    var notes: [String] = []
    let lines = try read(filter, types: types, notes: &notes).lines
    #expect(notes == [])
    return lines
  }

  private func add(
    _ id: String, _ seqs: Range<Int>, type: String = "item", source: String = "shop", category: String = "default",
    job: String? = nil
  ) throws {
    let run = try Run(dataset, id: id, source: source, category: category)
    try run.sink.write(
      run.batch { batch in
        for seq in seqs { batch.addEvent(type, seq: seq) { JSONText.appendMember("job_id", job, to: &$0) } }
      })
  }

  @Test func runsInterleaveAsTheyWereCommitted() throws {
    try add("b", 1..<3)
    try add("a", 1..<2, source: "x/y")
    try add("b", 3..<4, type: "log")
    try add("a", 2..<3, source: "x/y", category: "c")
    #expect(try lines() == ["b:1", "b:2", "a:1", "b:3", "a:2"])
    #expect(try lines(types: ["item"]) == ["b:1", "b:2", "a:1", "a:2"])
    #expect(try lines(types: ["log", "none"]) == ["b:3"])
    #expect(try lines(RunFilter(source: "x/y")) == ["a:1", "a:2"])
    #expect(try lines(RunFilter(category: "c")) == ["a:2"])
    #expect(try lines(RunFilter(day: "2026-11-24", runID: "b")) == ["b:1", "b:2", "b:3"])
    #expect(try lines(RunFilter(day: "2026-11-25")) == [])
    #expect(try lines(RunFilter(runID: "../b")) == [])
  }

  @Test func aJobsRunsAreReadAlsoWhenTheyBeginWithAnArtifact() throws {
    try add("other", 1..<2, job: "j2")
    let run = try Run(dataset, id: "shot")
    try run.sink.write(run.batch { $0.addChunk(artifact: "a", seq: 7, last: true, length: 3) })
    try add("shot", 1..<2, job: "j1")
    #expect(try lines(RunFilter(jobID: "j1")) == ["shot:7", "shot:1"])
    #expect(try reader.runs(RunFilter(jobID: "j1")).rows.map(\.runID) == ["shot"])
    let summary = try #require(try reader.run("shot")?.summary)
    #expect(summary.jobID == "j1" && summary.startedAt == Timestamp("2026-11-24T10:00:01Z"))
  }

  @Test func onlyWhatALedgerAcceptsCounts() throws {
    for run in ["r1", "r2", "r3", "alone"] { try add(run, 1..<3) }
    func accepted(_ task: String, _ run: String) -> String {
      #"{"kind":"accepted","task_id":"\#(task)","accepted_run_id":"\#(run)","epoch":5}"#
    }
    try dataset.ledger.append([accepted("t1", "r2"), accepted("t1", "r1")], fleet: "f", jobID: "j1")
    try dataset.ledger.append([accepted("t2", "r3")], fleet: "g", jobID: "j2")
    let counting = RunFilter(isAcceptedOnly: true)
    #expect(try lines(counting) == ["r2:1", "r2:2", "r3:1", "r3:2"])
    #expect(try Set(reader.runs(counting).rows.map(\.runID)) == ["r2", "r3"])
    #expect(try lines(RunFilter(runID: "r1", isAcceptedOnly: true)) == [])
    var notes: [String] = []
    let nothing = try read(RunFilter(runID: "r1", isAcceptedOnly: true), notes: &notes).figures
    #expect(nothing.found == 1 && nothing.runs == 0)
    #expect(try lines(RunFilter(source: "_fleet")).count == 3)
    #expect(try lines().count == 8)
  }

  @Test func aDamagedLedgerIsNoAnswer() throws {
    try add("r1", 1..<2)
    try dataset.ledger.append([#"{"kind":"job"}"#], fleet: "f", jobID: "j")
    let file = try #require(try reader.chain().rows.first?.files.first)
    try FileManager.default.removeItem(atPath: reader.layout.path(of: file.path))
    #expect(throws: QuarryError.self) { try lines(RunFilter(isAcceptedOnly: true)) }

    // The head of the chain, and then what lies further back.
    let id = try #require(try reader.chain().rows.first?.id)
    try put("{", at: "\(folder(reader.layout.path(of: file.path)))/manifest.json")
    for _ in 0..<2 {
      try put("{", at: "\(reader.layout.canonicalFolder(id))/manifest.json")
      var notes: [String] = []
      let error = #expect(throws: QuarryError.self) { try read(RunFilter(isAcceptedOnly: true), notes: &notes) }
      #expect(error?.message.contains("the ledger of job j cannot be read whole: ") == true)
      try add("later", 1..<2)
    }
  }

  /// One that was cut off says less than was accepted.
  @Test func aLedgerThatWasCutOffIsNoAnswer() throws {
    try add("r1", 1..<2)
    let lines = ["t1", "t2"].map { #"{"kind":"accepted","task_id":"\#($0)","accepted_run_id":"r1","epoch":1}"# }
    try dataset.ledger.append(lines, fleet: "f", jobID: "j")
    let file = try #require(try reader.chain().rows.first?.files.first)
    let path = reader.layout.path(of: file.path)
    try put(String(try #require(text(path)).dropLast(20)), at: path)
    var notes: [String] = []
    let error = #expect(throws: QuarryError.self) { try read(RunFilter(isAcceptedOnly: true), notes: &notes) }
    #expect(
      error?.message
        == "the ledger of job j cannot be read whole: \(path) has \(file.sizeBytes - 20) bytes; its manifest says \(file.sizeBytes)"
    )
  }

  /// Each kind of damage is named once, and costs nothing else.
  @Test func whatIsDamagedIsNamedAndTheRestIsRead() throws {
    for index in 0..<6 { try add("r\(index)", 1..<4) }
    let manifests = try reader.chain().rows.reversed().map { $0 }
    func path(_ index: Int) -> String { reader.layout.path(of: manifests[index].files[0].path) }
    try FileManager.default.removeItem(atPath: path(0))
    let whole = try #require(text(path(1)))
    try put(String(whole.dropLast(20)), at: path(1))
    var zeroed = Array(try #require(text(path(2))).utf8)
    let lineLength = zeroed.count / 3
    for place in lineLength + 5..<lineLength + 40 { zeroed[place] = 0 }
    zeroed[lineLength] = 0
    try Data(zeroed).write(to: URL(fileURLWithPath: path(2)))
    for name in ["\(reader.layout.canonicalFolder(manifests[3].id))/manifest.json", "\(folder(path(3)))/manifest.json"]
    {
      try FileManager.default.removeItem(atPath: name)
      try put("{}", at: name)
    }
    try FileManager.default.moveItem(atPath: path(4), toPath: path(4) + ".away")
    try FileManager.default.createDirectory(atPath: path(4), withIntermediateDirectories: false)

    var notes: [String] = []
    let (lines, figures) = try read(notes: &notes)
    #expect(lines == ["r1:1", "r1:2", "r2:1", "r2:3", "r5:1", "r5:2", "r5:3"])
    #expect(notes.contains("\(path(0)) is named by a manifest and is not there"))
    #expect(notes.contains { $0.hasPrefix(path(1)) && $0.contains("its manifest says \(whole.utf8.count)") })
    #expect(notes.contains("\(path(1)): line 3 passed over: no JSON object"))
    #expect(notes.contains("\(path(2)): line 2 passed over: no JSON object"))
    #expect(notes.contains { $0.contains("manifest.json is passed over: not a Lode manifest") })
    #expect(notes.contains { $0.contains("cannot read \(path(4))") })
    #expect(figures.damages == notes.count && Set(notes).count == notes.count)
    #expect(figures.runs == 6 && figures.records == 7)
  }

  @Test(arguments: ["../outside", "/etc/passwd", "datasets/quarry/partitions/a/segments/../../../../x", "a//b"])
  func aManifestThatPointsOutsideIsNotFollowed(_ path: String) throws {
    try add("r1", 1..<2)
    let manifest = try #require(try reader.chain().rows.first)
    let hostile = String(decoding: manifest.encoded, as: UTF8.self).replacing(manifest.files[0].path, with: path)
    #expect(throws: Manifest.Unreadable.self) { try Manifest(parsing: Array(hostile.utf8)) }
  }

  private func folder(_ dataFile: String) -> String {
    ((dataFile as NSString).deletingLastPathComponent as NSString).deletingLastPathComponent
  }
}

/// A stream that goes on with what is committed later.
@Suite(.ownThread) struct RecordFollowerTests {
  private let root = TemporaryDirectory()
  private var dataset: LodeDataset { LodeDataset(root: root.path, durability: .none) }
  private var reader: LodeReader { LodeReader(root: root.path) }

  /// What is read before the first step and after each: `run:seq` of each line.
  private func follow(
    _ filter: RunFilter = RunFilter(), types: Set<String> = [], steps: [() throws -> Void]
  ) throws -> [[String]] {
    var read: [[String]] = [[]]
    var failure: (any Error)?
    let pause = { () -> Bool in
      guard read.count <= steps.count, failure == nil else { return false }
      do { try steps[read.count - 1]() } catch { failure = error }
      read.append([])
      return true
    }
    _ = try reader.follow(RecordQuery(runs: filter, types: types), pause: pause, outage: { false }) { line in
      let members = RecordMembers.read(["run_id", "seq"], from: line)
      read[read.count - 1].append("\(members["run_id"]?.string ?? ""):\(members["seq"]?.integer ?? -1)")
      return true
    }
    if let failure { throw failure }
    return read
  }

  private func add(_ id: String, _ seqs: Range<Int>, type: String = "item", job: String? = nil) throws {
    let run = try Run(dataset, id: id)
    try run.sink.write(
      run.batch { batch in
        for seq in seqs {
          batch.addEvent(type, seq: seq) { out in
            JSONText.appendMember("job_id", job, to: &out)
            JSONText.appendMember("attempt", 1, to: &out)
          }
        }
      })
  }

  @Test func whatIsCommittedLaterFollows() throws {
    let read = try follow(
      types: ["item"],
      steps: [
        { try add("a", 1..<3) }, {},
        {
          try add("b", 1..<2); try add("a", 3..<4, type: "log"); try add("a", 4..<5)
        },
      ])
    #expect(read == [[], ["a:1", "a:2"], [], ["b:1", "a:4"]])
  }

  @Test func whatIsThereComesFirst() throws {
    try add("a", 1..<3)
    #expect(
      try follow(RunFilter(runID: "a"), steps: [{ try add("b", 1..<2) }, { try add("a", 3..<4) }]) == [
        ["a:1", "a:2"], [], ["a:3"],
      ])
  }

  @Test func aRunWhoseJobIsKnownLateIsReadWhole() throws {
    try add("other", 1..<2, job: "j2")
    let shot = try Run(dataset, id: "shot")
    let read = try follow(
      RunFilter(jobID: "j1"),
      steps: [
        { try shot.sink.write(shot.batch { $0.addChunk(artifact: "a", seq: 7, last: true, length: 3) }) },
        {
          try add("other", 2..<3, job: "j2"); try add("shot", 1..<2, job: "j1")
        },
        { try add("shot", 2..<3, job: "j1") },
      ])
    #expect(read == [[], [], ["shot:7", "shot:1"], ["shot:2"]])
  }

  @Test func runsAreReadWhenTheyAreAccepted() throws {
    func accept(_ task: String, _ run: String, job: String = "j") throws {
      try dataset.ledger.append(
        [#"{"kind":"accepted","task_id":"\#(task)","accepted_run_id":"\#(run)","epoch":5}"#], fleet: "f", jobID: job)
    }
    try add("r0", 1..<2)
    try accept("t0", "r0")
    let read = try follow(
      RunFilter(isAcceptedOnly: true),
      steps: [
        {
          try add("r1", 1..<2); try add("r2", 1..<2); try add("r1", 2..<3)
        },
        { try accept("t1", "r1") },
        {
          try accept("t1", "r2"); try accept("t0", "r0")
        },
        {
          try add("r1", 3..<4); try accept("t2", "r2")
        },
      ])
    #expect(read == [["r0:1"], [], ["r1:1", "r1:2"], [], ["r1:3", "r2:1"]])
    #expect(try follow(RunFilter(jobID: "k", isAcceptedOnly: true), steps: [{ try accept("t9", "r2") }]) == [[], []])
  }

  /// That the head's own manifest is damaged, and its copy serves, is told between the choice of the head and the look
  /// at the ledgers.
  @Test func aRunThatIsAcceptedWhileTheReadingBeginsIsNotLost() throws {
    try add("r0", 1..<2)
    let canonical = "\(reader.layout.canonicalFolder(try reader.chain().rows[0].id))/manifest.json"
    try FileManager.default.removeItem(atPath: canonical)
    try put("{", at: canonical)
    var isAccepted = false
    let accept = { (_: String) in
      guard !isAccepted else { return }
      isAccepted = true
      do {
        try add("r1", 1..<3)
        try dataset.ledger.append(
          [#"{"kind":"accepted","task_id":"t1","accepted_run_id":"r1","epoch":5}"#], fleet: "f", jobID: "j")
      } catch { Issue.record(error) }
    }
    var pauses = 0
    var seqs: [Int64?] = []
    let query = RecordQuery(runs: RunFilter(isAcceptedOnly: true))
    _ = try reader.follow(
      query, note: accept,
      pause: {
        pauses += 1; return pauses < 3
      }, outage: { false }
    ) { line in
      seqs.append(RecordMembers.read(["seq"], from: line)["seq"]?.integer)
      return true
    }
    #expect(isAccepted && seqs == [1, 2])
  }

  /// Others move the pointer first.
  @Test func aManifestThatComesAfterItsPointerIsWaitedFor() throws {
    try add("a", 1..<2)
    var later: [(path: String, text: String)] = []
    let read = try follow(
      steps: [
        {
          let before = try #require(text(reader.layout.pointer))
          try add("a", 2..<3)
          let head = try #require(text(reader.layout.pointer))
          #expect(head != before)
          for path in tree(root.path).map({ "\(root.path)/\($0)" }) where path.hasSuffix("/\(head)/manifest.json") {
            later.append((path, try #require(text(path))))
            try FileManager.default.removeItem(atPath: path)
          }
        },
        { for (path, text) in later { try put(text, at: path) } },
      ])
    #expect(read == [["a:1"], [], ["a:2"]])
  }

  @Test func aDatasetThatWasReplacedIsNotGoneOnWith() throws {
    try add("a", 1..<3)
    let error = #expect(throws: QuarryError.self) {
      try follow(steps: [
        {
          try FileManager.default.removeItem(atPath: reader.layout.folder)
          try add("b", 1..<2)
        }
      ])
    }
    #expect(error?.message.contains("no longer the one that was followed") == true)
  }

  @Test func aReaderThatHasEnoughIsToldNoMore() throws {
    try add("a", 1..<5)
    var count = 0
    _ = try reader.follow(
      RecordQuery(),
      pause: {
        Issue.record("it goes on"); return false
      }, outage: { false }
    ) { _ in
      count += 1
      return count < 2
    }
    #expect(count == 2)
  }
}
