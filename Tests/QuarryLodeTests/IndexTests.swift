import Foundation
import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import TestTraits
import Testing

/// Whatever the index of runs is, whole, damaged, old or another's, the answers are those without one.
@Suite(.ownThread) struct IndexTests {
  private let root = TemporaryDirectory()
  private var reader: LodeReader { LodeReader(root: root.path) }
  private var dataset: LodeDataset { LodeDataset(root: root.path, durability: .none) }
  private var index: String { "\(reader.layout.own)/runs.index" }

  @discardableResult
  private func add(_ id: String, day: String = "2026-11-24") throws -> Growing {
    let run = try Growing(id: id, job: "j1", day: day)
    try run.goOn(dataset)
    return run
  }

  private struct Answers: Equatable {
    var runs: [[RunSummary]] = []
    var counts: [RunCounts] = []
    var jobs: [JobFigures] = []
    var families: [[RunSummary]] = []
    var warnings: [String] = []
  }

  private func answers() throws -> Answers {
    let since = Timestamp("2026-11-24T10:00:30Z")
    var answers = Answers()
    for filter in [
      RunFilter(), RunFilter(state: .running), RunFilter(state: .failed), RunFilter(source: "b"),
      RunFilter(category: "y", day: "2026-11-25"), RunFilter(since: since), RunFilter(jobID: "j1"),
      RunFilter(state: .succeeded, source: "a", jobID: "j0"),
    ] {
      let all = try reader.runs(filter)
      answers.runs += [all.rows, try reader.runs(filter, limit: 3).rows]
      answers.counts.append(try reader.runCounts(filter))
      answers.warnings += all.warnings
    }
    answers.jobs = try reader.jobs().rows
    for run in answers.runs[0].suffix(3) { answers.families.append(try reader.descendants(of: run).rows) }
    return answers
  }

  private func expectSameWithoutIndex(_ what: String) throws {
    let with = try answers()
    let kept = FileManager.default.contents(atPath: index)
    try? FileManager.default.removeItem(atPath: index)  // there may be none
    #expect(try answers() == with, "\(what)")
    if let kept { try kept.write(to: URL(fileURLWithPath: index)) }
  }

  // MARK: Any dataset

  @Test(arguments: 1...6) func answersAreThoseWithoutIt(_ seed: UInt64) throws {
    var random = Seeded(state: seed)
    var runs: [Growing] = []
    var old: Data?
    for step in 0..<60 {
      switch Int.random(in: 0..<12, using: &random) {
      case 0...3:
        runs.append(try Growing(number: runs.count, among: runs, using: &random))
        try runs.last?.goOn(dataset)
      case 4...6: try runs.randomElement(using: &random)?.goOn(dataset)
      case 7...8: try runs.randomElement(using: &random)?.end(dataset, fails: Bool.random(using: &random))
      case 9: _ = try reader.refreshIndex()
      case 10: try crash("dying-\(step)", at: Int.random(in: 0..<24, using: &random))
      default:
        try harm(&old, using: &random)
        try expectSameWithoutIndex("step \(step) of \(seed)")
      }
    }
    try expectSameWithoutIndex("the end of \(seed)")
    _ = try reader.refreshIndex()
    try expectSameWithoutIndex("all of \(seed) in the index")
  }

  /// A writer that dies at one of its steps.
  private func crash(_ id: String, at step: Int) throws {
    let faults = Faults()
    faults.fail(at: step, with: .failure(EIO), staysDown: true)
    let dying = LodeDataset(root: root.path, durability: .none, files: faults.files)
    let run = try Growing(id: id)
    do { try run.goOn(dying) } catch is QuarryError {}
  }

  private func harm(_ old: inout Data?, using random: inout Seeded) throws {
    guard var bytes = FileManager.default.contents(atPath: index), !bytes.isEmpty else { return }
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes = bytes.prefix(Int.random(in: 0..<bytes.count, using: &random))
    case 1: bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 2: bytes.append(0)
    case 3: (bytes, old) = (old ?? Data(), bytes)
    default: old = bytes
    }
    try bytes.write(to: URL(fileURLWithPath: index))
  }

  // MARK: Single cases

  @Test func itIsUsedWhereItFits() throws {
    let run = try add("r1")
    try run.end(dataset, fails: false)
    let figures = try #require(try reader.refreshIndex())
    #expect(figures.runs == 1 && figures.path == index && figures.snapshotsRead == 3)
    #expect(try reader.refreshIndex()?.snapshotsRead == 0)
    #expect(try reader.refreshIndex(anew: true)?.snapshotsRead == 3)
    // What it holds is not read again.
    let started = try #require(try reader.runs().rows.first?.startedAt)
    let item = try #require(tree(root.path).first { $0.contains("event_type=item") && $0.hasSuffix("/data") })
    try FileManager.default.removeItem(atPath: "\(root.path)/\(item)")
    #expect(try reader.runs().rows.first?.startedAt == started)
    try FileManager.default.removeItem(atPath: index)
    #expect(try reader.runs().rows.first?.startedAt != started)
  }

  /// Each member of a run is in the index, also those that are added to it one day.
  @Test func everyMemberOfARunIsKept() throws {
    let partition = try RunPartition(
      dataset: "quarry", source: "é /", category: "x", day: "2026-11-24", runID: "r%1")
    let task = TaskLineage(taskID: "t1", epoch: 7, originRunID: "r0")
    var batch = RecordBatch(partition: partition, policy: "strict", task: task)
    batch.addEvent("run_complete", seq: 1) { out in
      JSONText.appendMember("job_id", "j1", to: &out)
      JSONText.appendMember("parent_run_id", "r9", to: &out)
      JSONText.appendMember("attempt", 2, to: &out)
      JSONText.appendMember("depth", 3, to: &out)
    }
    try dataset.sink(for: partition).write(batch)
    var metrics = RecordBatch(partition: partition, policy: "strict")
    metrics.addMetrics(completed: 1)
    try dataset.sink(for: partition).write(metrics)
    let run = try #require(try reader.runs().rows.first)
    for (name, value) in Mirror(reflecting: run).children {
      let optional = Mirror(reflecting: value)
      #expect(optional.displayStyle != .optional || optional.children.count == 1, "\(name ?? "") is not tested here")
    }
    #expect(run.lastSnapshot > run.firstSnapshot && run.state == .succeeded)
    _ = try reader.refreshIndex()
    #expect(try reader.runs().rows == [run])
  }

  @Test func nobodyNeedsToWriteIt() throws {
    for number in 0..<3 { try add("r\(number)") }
    // Small datasets are read as fast without.
    #expect(try reader.runs().rows.count == 3)
    #expect(!FileManager.default.fileExists(atPath: index))
    // A folder is in its place, so that it can neither be read nor written.
    try FileManager.default.createDirectory(atPath: index, withIntermediateDirectories: true)
    for number in 3..<300 { try add("r\(number)") }
    #expect(try reader.runCounts().total == 300)
    #expect(throws: QuarryError.self) { try reader.refreshIndex() }
    #expect(tree(reader.layout.own) == [])
    try FileManager.default.removeItem(atPath: index)
    #expect(try reader.runCounts().total == 300)
    #expect(FileManager.default.fileExists(atPath: index))
    #expect(try reader.runs(limit: 2).rows.map(\.runID) == ["r299", "r298"])
  }

  @Test func aDatasetThatWasReplacedIsNotTakenForTheOldOne() throws {
    for number in 0..<4 { try add("r\(number)") }
    _ = try reader.refreshIndex()
    let kept = try #require(FileManager.default.contents(atPath: index))
    // Set back to an earlier snapshot, which hides nothing.
    let chain = try reader.chain().rows
    try put("\(chain[1].id)", at: reader.layout.pointer)
    #expect(try reader.runs().rows.map(\.runID) == ["r3", "r2", "r1", "r0"])
    try put("\(chain[0].id)", at: reader.layout.pointer)
    // Another one in its place.
    try FileManager.default.removeItem(atPath: reader.layout.folder)
    try add("other")
    try put("", at: index)
    try kept.write(to: URL(fileURLWithPath: index))
    #expect(try reader.runs().rows.map(\.runID) == ["other"])
    #expect(try reader.runCounts().total == 1)
  }

  /// Its checksum holds, so no disk did that: another Quarry, or somebody. It is a cache all the same.
  @Test(arguments: [0, 4, 15, 64, 70]) func whatCannotBeIsNotBelieved(_ place: Int) throws {
    for number in 0..<4 { try add("r\(number)") }
    _ = try reader.refreshIndex()
    var bytes = Array(try #require(FileManager.default.contents(atPath: index)))
    // In the first entry: its length, day folder, snapshot, state, the run's name.
    bytes[16 + place] = 0xFE
    let sum = UInt64(Self.crc32(bytes.dropLast(8)))
    withUnsafeBytes(of: sum) { bytes.replaceSubrange(bytes.count - 8..<bytes.count, with: $0) }
    try Data(bytes).write(to: URL(fileURLWithPath: index))
    let told = Mutex<[String]>([])
    var layout = reader.layout
    layout.indexing.unusable = { text in told.withLock { $0.append(text) } }
    #expect(try LodeReader(layout).runCounts().total == 4)
    #expect(try LodeReader(layout).runs(RunFilter(jobID: "j1")).rows.map(\.runID) == ["r3", "r2", "r1", "r0"])
    #expect(told.withLock { $0.count } == 2)
    #expect(told.withLock { $0.first }?.contains("the index \(index) says what cannot be") == true)
    try expectSameWithoutIndex("place \(place)")
    #expect(try reader.refreshIndex()?.snapshotsRead == 4)
    #expect(try reader.refreshIndex()?.snapshotsRead == 0)
  }

  /// RFC 1952.
  private static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var sum = UInt32.max
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 {
        let isOdd = sum & 1 == 1
        sum >>= 1
        if isOdd { sum ^= 0xEDB8_8320 }
      }
    }
    return ~sum
  }

  @Test func aDayThatWasRemovedIsGone() throws {
    try add("old", day: "2026-01-01")
    try add("new")
    _ = try reader.refreshIndex()
    try FileManager.default.removeItem(
      atPath: "\(reader.layout.partitions)/source=a/category=x/day=2026-01-01")
    #expect(try reader.runs().rows.map(\.runID) == ["new"])
    #expect(try reader.runCounts().total == 1)
  }

  /// The folder is there again, and what it held is not.
  @Test func aDayThatWasRemovedAndBeganAgainIsGone() throws {
    for id in ["r1", "r2"] { try add(id) }
    _ = try reader.refreshIndex()
    try FileManager.default.removeItem(atPath: "\(reader.layout.partitions)/source=a/category=x/day=2026-11-24")
    try add("new")
    #expect(try reader.runs(RunFilter(jobID: "j1")).rows.map(\.runID) == ["new"])
    #expect(try reader.runCounts().total == 1)
    #expect(try reader.jobs().rows.map(\.runs.total) == [1])
    try expectSameWithoutIndex("a day that began again")
    #expect(try reader.refreshIndex()?.runs == 1)
  }

  @Test func aRunThatIsGoneIsNoLongerListed() throws {
    for id in ["r1", "r2", "r3"] { try add(id) }
    _ = try reader.refreshIndex()
    try FileManager.default.removeItem(
      atPath: "\(reader.layout.partitions)/source=a/category=x/day=2026-11-24/run_id=r2")
    #expect(try reader.runs().rows.map(\.runID) == ["r3", "r1"])
    #expect(try reader.runs().warnings.count == 1)
    try expectSameWithoutIndex("a run that is gone")
  }

  /// As long as a day has not changed its runs are there; else its names are looked at.
  @Test func aDayThatHasNotChangedIsNotListed() throws {
    for id in ["r1", "r2"] { try add(id) }
    let day = "\(reader.layout.partitions)/source=a/category=x/day=2026-11-24"
    let now = Timestamp.now().nanoseconds
    func looks(changed: Int64) throws -> Int {
      let looks = Mutex(0)
      let store = LockedStore(store: DiskStore(root: root.path), changed: Timestamp(nanoseconds: changed)) { path in
        if path == day { looks.withLock { $0 += 1 } }
        return false
      }
      #expect(try LodeReader(DatasetLayout(store, dataset: "quarry")).runCounts().total == 2)
      return looks.withLock { $0 }
    }
    func index(changed: Int64) throws {
      let store = LockedStore(store: DiskStore(root: root.path), changed: Timestamp(nanoseconds: changed))
      _ = try LodeReader(DatasetLayout(store, dataset: "quarry")).refreshIndex(anew: true)
    }
    let old = now - 3_600_000_000_000
    try index(changed: old)
    #expect(try looks(changed: old) == 0)
    #expect(try looks(changed: old + 1) == 1)
    // It may have changed twice at that time.
    try index(changed: now)
    #expect(try looks(changed: now) == 1)
  }

  @Test(arguments: ["source=z", "day=2026-11-25"], [true, false])
  func aFolderThatMayNotBeLookedAtHidesNoOther(_ folder: String, hasIndex: Bool) throws {
    try add("r1")
    let other = try Run(dataset, id: "r2", source: "z", day: "2026-11-25")
    try other.sink.write(other.items(1..<2))
    if hasIndex { _ = try reader.refreshIndex() }
    let store = LockedStore(store: DiskStore(root: root.path)) { $0.contains(folder) }
    let reader = LodeReader(DatasetLayout(store, dataset: "quarry"))
    let listing = try reader.runs()
    #expect(listing.rows.map(\.runID) == ["r1"])
    let jobs = try reader.jobs()
    #expect(jobs.rows.map(\.jobID) == ["j1"])
    var notes: [String] = []
    #expect(try reader.job("j1", note: { notes.append($0) })?.runs.count == 1)
    let counts = try reader.runCounts()
    #expect(counts.total == 1)
    let metrics = try reader.forEachMetrics(RunFilter()) { _, _ in }
    for warnings in [listing.warnings, jobs.warnings, notes, counts.warnings, metrics] {
      #expect(warnings.contains { $0.contains(folder) && $0.contains("Permission denied") }, "\(warnings)")
    }
  }

  @Test func damageIsNamedAsWithoutIt() throws {
    for number in 0..<4 { try add("r\(number)") }
    let ids = try reader.chain().rows.map(\.id)
    _ = try reader.refreshIndex()
    try add("r4")
    let head = try #require(try reader.chain().rows.first?.id)
    for id in [head, ids[2]] {
      let canonical = "\(reader.layout.canonicalFolder(id))/manifest.json"
      try FileManager.default.removeItem(atPath: canonical)
      try put("{", at: canonical)
    }
    try expectSameWithoutIndex("damage")
    #expect(try reader.runs().warnings.count == 2)
    #expect(throws: QuarryError.self) { try reader.refreshIndex() }
  }

  @Test func collectorsAndVerifiersPassItBy() throws {
    for number in 0..<4 { try add("r\(number)") }
    _ = try reader.refreshIndex()
    let temporary = "\(reader.layout.own)/.lode-cas-index-x"
    try put("half", at: temporary)
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -7_200)], ofItemAtPath: temporary)
    var removed: [String] = []
    try LeftoverCollector(root: root.path, dataset: "quarry", age: .seconds(3_600)).collect(removes: true) {
      leftover, _ in
      removed.append(leftover.path)
    }
    #expect(removed == [temporary])
    #expect(FileManager.default.fileExists(atPath: index))
    var findings: [Finding] = []
    _ = try reader.verify { findings.append($0) }
    #expect(!findings.contains { $0.place.contains(".quarry") })
  }

  // MARK: Beside others

  @Test func readersWritersAndOtherReadersDoNotDisturbEachOther() throws {
    let root = root.path
    let failures = Mutex<[String]>([])
    onThreads(4) { thread in
      do {
        let reader = LodeReader(root: root)
        var least = 0
        for number in 0..<40 {
          if thread < 2 {
            let dataset = LodeDataset(root: root, durability: .none)
            let run = try Growing(id: "t\(thread)-\(number)", job: "j1")
            try run.goOn(dataset)
            try run.end(dataset, fails: number % 3 == 0)
          } else {
            if number % 3 == 0 { _ = try reader.refreshIndex(anew: number % 9 == 0) }
            let (total, rows) = (try reader.runCounts().total, try reader.runs(RunFilter(jobID: "j1")).rows)
            if total < least || rows.count < total || Set(rows.map(\.runID)).count != rows.count {
              failures.withLock { $0.append("\(total) runs of \(rows.count), after \(least)") }
            }
            least = total
          }
        }
      } catch { failures.withLock { $0.append("\(error)") } }
    }
    #expect(failures.withLock { $0 } == [])
    #expect(try reader.runCounts()[.failed] == 28)
    try expectSameWithoutIndex("many threads")
    #expect(tree(reader.layout.own) == ["runs.index"])
  }
}

/// A run that is written bit by bit.
private final class Growing: Sendable {
  let partition: RunPartition
  private let job: String?
  private let parent: String?
  private let state = Mutex((seq: 0, isEnded: false))

  init(id: String, job: String? = nil, day: String = "2026-11-24") throws {
    partition = try RunPartition(dataset: "quarry", source: "a", category: "x", day: day, runID: id)
    self.job = job
    parent = nil
  }

  init(number: Int, among runs: [Growing], using random: inout Seeded) throws {
    partition = try RunPartition(
      dataset: "quarry", source: ["a", "b", "c d/é"].randomElement(using: &random) ?? "",
      category: ["x", "y"].randomElement(using: &random) ?? "",
      day: ["2026-11-24", "2026-11-25"].randomElement(using: &random) ?? "",
      runID: ["run-\(number)", "a b%\(number)", UUIDv7.make()].randomElement(using: &random) ?? "")
    job = ["j0", "j1", nil].randomElement(using: &random) ?? nil
    parent = Bool.random(using: &random) ? runs.randomElement(using: &random)?.partition.runID : nil
  }

  func goOn(_ dataset: LodeDataset) throws { try write(dataset, "item") }

  func end(_ dataset: LodeDataset, fails: Bool) throws {
    guard !state.withLock({ $0.isEnded }) else { return }
    try write(dataset, fails ? "run_error" : "run_complete")
    var batch = RecordBatch(partition: partition, policy: "strict")
    batch.addMetrics(completed: fails ? 0 : 1)
    try dataset.sink(for: partition).write(batch)
    state.withLock { $0.isEnded = true }
  }

  private func write(_ dataset: LodeDataset, _ type: String) throws {
    var batch = RecordBatch(partition: partition, policy: "strict")
    let seq = state.withLock { state in
      state.seq += 7
      return state.seq
    }
    batch.addEvent(type, seq: seq) { out in
      JSONText.appendMember("job_id", job, to: &out)
      JSONText.appendMember("parent_run_id", parent, to: &out)
      JSONText.appendMember("attempt", 1, to: &out)
    }
    try dataset.sink(for: partition).write(batch)
  }
}

/// A generator that is the same in every run of a test.
private struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ state >> 29
  }
}
