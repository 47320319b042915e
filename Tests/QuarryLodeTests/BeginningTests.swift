import Foundation
import QuarryCore
import QuarryLode
import TestSupport
import TestTraits
import Testing

/// When a run began, by its first stored event, and in which order runs are told.
@Suite(.ownThread) struct BeginningTests {
  private let root = TemporaryDirectory()
  private var dataset: LodeDataset { LodeDataset(root: root.path, durability: .none) }
  private var reader: LodeReader { LodeReader(root: root.path) }

  private func startedAt(_ id: String) throws -> Timestamp? {
    let found = try #require(try reader.run(id)).summary.startedAt
    #expect(try reader.runs(RunFilter(runID: id)).rows.map(\.startedAt) == [found])
    return found
  }

  private func commit(_ batch: inout RecordBatch, seq: Int64, ts: String) {
    batch.append(.artifactEvent, eventType: "artifact") { out in
      JSONText.appendMember("seq", seq, to: &out)
      JSONText.appendMember("ts", ts, to: &out)
      JSONText.appendMember("artifact_id", "a", to: &out)
      JSONText.appendMember("job_id", "j", to: &out)
      JSONText.appendMember("size_bytes", 3, to: &out)
    }
  }

  @Test func anArtifactMayBeTheFirstEvent() throws {
    let run = try Run(dataset, id: "r")
    try run.sink.write(run.batch { $0.addChunk(artifact: "a", seq: 1, last: true, length: 3) })
    #expect(try startedAt("r") == nil)
    try run.sink.write(
      run.batch { batch in
        commit(&batch, seq: 1, ts: "2026-11-24T10:00:00.500Z")
        batch.addEvent("item", seq: 2)
      })
    let first = Timestamp("2026-11-24T10:00:00.500Z")
    #expect(try startedAt("r") == first)
    #expect(try reader.run("r")?.summary.jobID == "j")
    try run.sink.write(run.items(3..<4))
    #expect(try startedAt("r") == first)
  }

  @Test func metricsAloneTellNoBeginning() throws {
    let run = try Run(dataset, id: "r")
    try run.sink.write(run.batch { $0.addMetrics(completed: 0) })
    #expect(try startedAt("r") == nil)
  }

  @Test(arguments: [
    "null", "17", #""soon""#, #""0001-01-01T00:00:00Z""#, #""9999-12-31T00:00:00Z""#, #""2026-02-30T10:00:00Z""#,
  ])
  func aTimeThatIsNoneIsNull(_ ts: String) throws {
    let run = try Run(dataset, id: "r")
    try run.sink.write(
      run.batch { batch in
        batch.append(.event, eventType: "item") { out in
          JSONText.appendKey("ts", to: &out)
          out += ts.utf8
        }
      })
    #expect(try startedAt("r") == nil)
  }

  /// Clocks of machines differ, and a policy may keep events back: the order is that of the first commits.
  private func storeOutOfOrder() throws {
    for (index, seconds) in [30, 10, 50, 20, 40].enumerated() {
      let run = try Run(dataset, id: "r\(index)")
      try run.sink.write(run.items(seconds..<seconds + 1))
    }
  }

  @Test func aLimitedListIsTheBeginningOfTheWholeOne() throws {
    try storeOutOfOrder()
    let all = ["r4", "r3", "r2", "r1", "r0"]
    for isIndexed in [false, true] {
      if isIndexed { _ = try reader.refreshIndex() }
      #expect(try reader.runs().rows.map(\.runID) == all)
      for limit in 1...5 {
        #expect(try reader.runs(limit: limit).rows.map(\.runID) == Array(all.prefix(limit)))
        #expect(try reader.runs(RunFilter(source: "shop"), limit: limit).rows.map(\.runID) == Array(all.prefix(limit)))
      }
    }
  }

  /// Another writer's snapshots may be numbered without a clock, and lie before the times of their events.
  @Test func sinceGoesByTheTimeOfTheFirstEventAlone() throws {
    let dataset = LodeDataset(root: root.path, durability: .none)
    let early = try Run(dataset, id: "early")
    let late = try Run(dataset, id: "late")
    for (run, ts) in [(early, "2199-01-01T00:00:00Z"), (late, "2200-01-02T00:00:00Z")] {
      try run.sink.write(
        run.batch { batch in
          batch.append(.event, eventType: "item") { JSONText.appendMember("ts", ts, to: &$0) }
          batch.addMetrics(completed: 1)
        })
    }
    let filter = RunFilter(since: Timestamp("2200-01-01T00:00:00Z"))
    for isIndexed in [false, true] {
      if isIndexed { _ = try reader.refreshIndex() }
      #expect(try reader.runs(filter).rows.map(\.runID) == ["late"])
      #expect(try reader.runs(filter, limit: 5).rows.map(\.runID) == ["late"])
      #expect(try reader.runCounts(filter).total == 1)
      var runs: [String] = []
      _ = try reader.forEachMetrics(filter) { run, _ in runs.append(run.runID) }
      #expect(runs == ["late"])
    }
  }
}
