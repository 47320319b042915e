import Foundation
import QuarryCore
import QuarryLode
import TestSupport
import TestTraits
import Testing

/// Which of the runs without an end go on.
@Suite(.ownThread) struct LivenessTests {
  let root = TemporaryDirectory()
  var dataset: LodeDataset { LodeDataset(root: root.path, durability: .none) }
  var reader: LodeReader { LodeReader(root: root.path) }

  /// A run of a fleet where a task is given.
  @discardableResult
  private func store(_ id: String, job: String = "j", task: String? = nil, end: String? = nil) throws -> Run {
    let run = try Run(dataset, id: id)
    try run.sink.write(
      run.batch { batch in
        batch.addEvent(end ?? "item", seq: 1) { out in
          JSONText.appendMember("job_id", job, to: &out)
          JSONText.appendMember("task_id", task, to: &out)
        }
      })
    return run
  }

  private func states(_ liveness: Liveness) throws -> [String: RunState] {
    var filter = RunFilter()
    filter.liveness = liveness
    return Dictionary(uniqueKeysWithValues: try reader.runs(filter).rows.map { ($0.runID, $0.state) })
  }

  private static let later = Timestamp(nanoseconds: Timestamp.now().nanoseconds + 7_200_000_000_000)

  @Test func aRunThatStoresNothingForLongIsLostUntilItStoresSomething() throws {
    let run = try store("quiet")
    try store("ended", end: "run_complete")
    let silence = Liveness.usualSilence
    #expect(try states(Liveness()) == ["quiet": .running, "ended": .succeeded])
    #expect(try states(Liveness(silence: silence)) == ["quiet": .running, "ended": .succeeded])
    let late = Liveness(silence: silence, now: Self.later)
    #expect(try states(late) == ["quiet": .lost, "ended": .succeeded])
    #expect(try reader.run("quiet", liveness: late)?.summary.state == .lost)
    #expect(try reader.summary(of: "quiet", liveness: late)?.state == .lost)
    #expect(try reader.job("j", liveness: late)?.state == .failed)
    // What is stored later than the time that is asked about.
    let before = try #require(try reader.summary(of: "quiet")).lastStoredAt
    try run.sink.write(run.items(2..<3))
    let since = Timestamp(nanoseconds: before.nanoseconds + 1)
    #expect(try states(Liveness(silence: .zero, now: since))["quiet"] == .running)
    #expect(try states(Liveness(silence: .seconds(Int64.max / 2_000)))["quiet"] == .running)
  }

  /// Ids of snapshots go on from there when the clock is right again.
  @Test func aClockThatWasAheadKeepsNoDeadRunAlive() throws {
    let ahead = Timestamp(nanoseconds: Timestamp.now().nanoseconds + 86_400_000_000_000)
    let clock = SnapshotClock(now: { ahead })
    let dead = try Run(LodeDataset(root: root.path, durability: .none, clock: clock), id: "dead")
    try dead.sink.write(dead.items(1..<2))
    let manifest = "\(reader.layout.canonicalFolder(try reader.chain().rows[0].id))/manifest.json"
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: 86_400)], ofItemAtPath: manifest)
    try store("alive")
    #expect(try reader.runs().rows.allSatisfy { $0.lastStoredAt >= ahead })
    let liveness = Liveness(silence: Liveness.usualSilence)
    #expect(try states(liveness) == ["alive": .running, "dead": .lost])
    #expect(try reader.run("dead", liveness: liveness)?.summary.state == .lost)
    #expect(try states(Liveness(silence: Liveness.usualSilence, now: Self.later))["alive"] == .lost)
  }

  /// Clocks of readers may be wrong by more than a run may be silent; the store's is what its files go by.
  @Test(arguments: [-86_400, -7_200, 7_200, 86_400])
  func aReadersClockKillsNobody(_ seconds: Int64) throws {
    let time = Timestamp(nanoseconds: Timestamp.now().nanoseconds + seconds * 1_000_000_000)
    let writer = LodeDataset(root: root.path, durability: .none, clock: SnapshotClock(now: { time }))
    let run = try Run(writer, id: "alive")
    try run.sink.write(run.items(1..<2))
    let manifest = "\(reader.layout.canonicalFolder(try reader.chain().rows[0].id))/manifest.json"
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: TimeInterval(seconds))], ofItemAtPath: manifest)
    let liveness = Liveness(silence: Liveness.usualSilence)
    let reader = LodeReader(
      DatasetLayout(LockedStore(store: DiskStore(root: root.path), time: time), dataset: "quarry"))
    #expect(try reader.run("alive", liveness: liveness)?.summary.state == .running)
    // So it is judged by a time that is given.
    let later = Timestamp(nanoseconds: time.nanoseconds + 7_200_000_000_000)
    #expect(try reader.run("alive", liveness: Liveness(silence: .seconds(60), now: later))?.summary.state == .lost)
  }

  @Test func theStateIsAskedForAsItIsJudged() throws {
    try store("quiet")
    var filter = RunFilter(state: .lost)
    #expect(try reader.runs(filter).rows == [])
    filter.liveness = Liveness(silence: .seconds(60), now: Self.later)
    #expect(try reader.runs(filter).rows.map(\.runID) == ["quiet"])
    #expect(try reader.runCounts(filter)[.lost] == 1)
    filter.state = .running
    #expect(try reader.runs(filter).rows == [])
  }

  @Test func aFleetSaysWhichOfItsRunsGoOn() throws {
    for id in ["held", "superseded", "other"] { try store(id, job: id == "other" ? "k" : "j", task: "t-\(id)") }
    try store("single")
    let leases = Liveness.Leases(jobs: ["j"], runs: ["held"], asked: Self.later)
    #expect(
      try states(Liveness(leases: leases)) == [
        "held": .running, "superseded": .lost, "other": .running, "single": .running,
      ])
    // A lease counts for more than silence.
    #expect(
      try states(Liveness(silence: .seconds(60), now: Self.later, leases: leases)) == [
        "held": .running, "superseded": .lost, "other": .lost, "single": .lost,
      ])
    // Of a run that stored something after the fleet was asked it says nothing.
    let early = Liveness.Leases(jobs: ["j"], runs: [], asked: Timestamp(nanoseconds: 0))
    #expect(try states(Liveness(leases: early))["superseded"] == .running)
  }

  @Test func theLedgerSaysWhichTasksHaveEnded() throws {
    for id in ["a", "b", "c", "d"] { try store(id, task: "t-\(id)") }
    let ledger = dataset.ledger
    // Of d the last records came to storage after the run was read, and before the ledger was.
    try ledger.append(
      [
        #"{"kind":"accepted","task_id":"t-d","accepted_run_id":"d"}"#,
        #"{"kind":"accepted","task_id":"t-a","accepted_run_id":"a2"}"#, #"{"kind":"dead","task_id":"t-b"}"#,
        #"{"kind":"dead","task_id":"t-c"}"#, #"{"kind":"requeued","task_id":"t-c"}"#,
      ], fleet: "f", jobID: "j")
    #expect(try states(Liveness()) == ["a": .lost, "b": .lost, "c": .running, "d": .running])
  }

  @Test func aDamagedLedgerIsSaidAndJudgesNobody() throws {
    try store("a", task: "t-a")
    let ledger = dataset.ledger
    try ledger.append([#"{"kind":"dead","task_id":"t-a"}"#], fleet: "f", jobID: "j")
    let file = try #require(try reader.chain().rows.first?.files.first)
    try #require(unlink(reader.layout.path(of: file.path)) == 0)
    let listing = try reader.runs()
    #expect(listing.rows.map(\.state) == [.running])
    let path = reader.layout.path(of: file.path)
    #expect(
      listing.warnings == ["the ledger of job j cannot be read whole: \(path) is named by a manifest and is not there"])
  }
}
