import Foundation
import QuarryCore
import QuarryLode
import TestSupport
import Testing

@Suite struct ReaderTests {
  @Test func aRunTellsItsStory() throws {
    let root = TemporaryDirectory()
    let dataset = LodeDataset(root: root.path, durability: .none)
    let run = try Run(dataset, id: "r1", category: "c")
    let reader = LodeReader(root: root.path)
    try run.sink.write(
      run.batch { batch in
        batch.addEvent("log", seq: 2)
        batch.addEvent("item", seq: 1) { out in
          JSONText.appendMember("job_id", "j1", to: &out)
          JSONText.appendMember("attempt", 2, to: &out)
          JSONText.appendMember("parent_run_id", "r0", to: &out)
        }
      })
    let running = try #require(try reader.runs().rows.first)
    #expect(running.state == .running && running.endedAt == nil)
    #expect(running.startedAt == Timestamp("2026-11-24T10:00:01Z"))
    #expect(running.jobID == "j1" && running.attempt == 2 && running.parentRunID == "r0" && running.policy == "strict")
    #expect(running.depth == nil && running.taskID == nil && running.epoch == nil)

    try run.sink.write(run.batch { $0.addEvent("run_complete", seq: 9) })
    #expect(try reader.runs().rows.first?.state == .succeeded)
    try run.sink.write(run.batch { $0.addMetrics(completed: 0) })
    var notes: [String] = []
    let ended = try #require(try reader.run("r1", note: { notes.append($0) }))
    #expect(ended.summary.state == .failed)
    #expect(ended.summary.endedAt == Timestamp("2026-11-24T10:00:09Z"))
    #expect(ended.counts == ["item": 1, "log": 1, "run_complete": 1, "metrics": 1])
    #expect(ended.metrics?["runs_completed_total"] == 0)
    #expect(ended.snapshotCount == 3 && notes == [])
  }

  @Test func aRunWithoutATerminalEventNeverEndsBeforeItsLastEvent() throws {
    let root = TemporaryDirectory()
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: "r1")
    func stamp(_ ts: String, _ batch: inout RecordBatch, _ kind: RecordKind = .event, _ type: String = "log") {
      batch.append(kind, eventType: type) { JSONText.appendMember("ts", ts, to: &$0) }
    }
    try run.sink.write(run.batch { stamp("2026-11-24T10:00:00.100Z", &$0) })
    try run.sink.write(
      run.batch {
        stamp("2026-11-24T10:00:00.200Z", &$0)
        $0.append(.event, eventType: "item") { out in
          JSONText.appendMember("payload", String(repeating: "x", count: 40_000), to: &out)
          JSONText.appendMember("ts", "2026-11-24T10:00:00.900Z", to: &out)
        }
      })
    try run.sink.write(
      run.batch { batch in
        batch.append(.metrics, eventType: "metrics") { out in
          JSONText.appendMember("ts", "2026-11-24T10:00:00Z", to: &out)
          JSONText.appendMember("runs_completed_total", 0, to: &out)
        }
      })
    let summary = try #require(try LodeReader(root: root.path).runs().rows.first)
    #expect(summary.startedAt == Timestamp("2026-11-24T10:00:00.100Z"))
    #expect(summary.endedAt == Timestamp("2026-11-24T10:00:00.900Z"))
  }

  @Test func artifactsAreWholeOrSaidNotToBe() throws {
    let root = TemporaryDirectory()
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: "r1")
    func commit(_ id: String, size: Int64, to batch: inout RecordBatch) {
      batch.append(.artifactEvent, eventType: "artifact") { out in
        JSONText.appendMember("artifact_id", id, to: &out)
        JSONText.appendMember("name", "\(id).png", to: &out)
        JSONText.appendMember("content_type", "image/png", to: &out)
        JSONText.appendMember("size_bytes", size, to: &out)
        JSONText.appendMember("seq", 4, to: &out)
      }
    }
    try run.sink.write(
      run.batch { batch in
        batch.addChunk(artifact: "whole", seq: 1, last: false, length: 300_000)
        batch.addChunk(artifact: "orphan", seq: 1, last: false, length: 30)
      })
    try run.sink.write(
      run.batch { batch in
        batch.addChunk(artifact: "whole", seq: 2, last: true, length: 3)
        commit("whole", size: 300_003, to: &batch)
        commit("short", size: 5, to: &batch)
      })
    let detail = try #require(try LodeReader(root: root.path).run("r1"))
    #expect(detail.counts == ["artifact": 2])
    let artifacts = Dictionary(uniqueKeysWithValues: detail.artifacts.map { ($0.id, $0) })
    let whole = try #require(artifacts["whole"])
    #expect(whole.isComplete && whole.size == 300_003 && whole.chunkCount == 2 && whole.name == "whole.png")
    #expect(artifacts["orphan"]?.isOrphan == true && artifacts["orphan"]?.name == nil)
    #expect(artifacts["short"]?.isComplete == false && artifacts["short"]?.isOrphan == false)
  }

  @Test func listsTheNewestFirstAndNoMoreThanAsked() throws {
    let root = TemporaryDirectory()
    let dataset = LodeDataset(root: root.path, durability: .none)
    let long = try Run(dataset, id: "long")
    try long.sink.write(long.items(0..<1))
    for index in 0..<20 {
      let run = try Run(dataset, id: "r\(index)", source: index % 2 == 0 ? "even" : "odd")
      try run.sink.write(run.items(index..<index + 1))
      try run.sink.write(run.batch { $0.addEvent(index % 5 == 0 ? "run_error" : "run_complete", seq: index + 1) })
    }
    // Goes on for long, and is still the oldest.
    try long.sink.write(long.items(1..<2))
    let reader = LodeReader(root: root.path)
    #expect(try reader.runs(limit: 3).rows.map(\.runID) == ["r19", "r18", "r17"])
    #expect(try reader.runs().rows.count == 21)
    #expect(try reader.runs().rows.last?.runID == "long")
    #expect(try reader.runs(RunFilter(state: .failed), limit: 2).rows.map(\.runID) == ["r15", "r10"])
    #expect(try reader.runs(RunFilter(state: .running)).rows.map(\.runID) == ["long"])
    #expect(try reader.runs(RunFilter(source: "odd"), limit: 2).rows.map(\.runID) == ["r19", "r17"])
    #expect(try reader.runs(RunFilter(day: "2020-01-01")).rows == [])
    #expect(try reader.runs(limit: 0).rows == [])
    let since = try #require(Timestamp("2026-11-24T10:00:18Z"))
    #expect(try reader.runs(RunFilter(since: since)).rows.map(\.runID) == ["r19", "r18"])
    #expect(
      try reader.runs(RunFilter(since: Timestamp(nanoseconds: since.nanoseconds + 86_400_000_000_000))).rows == [])
    let counts = try reader.runCounts(RunFilter(source: "even"))
    #expect(counts.total == 10 && counts[.failed] == 2 && counts[.succeeded] == 8 && counts[.running] == 0)
    #expect(try reader.runCounts()[.running] == 1)
  }

  @Test func jobsAreTreesOfRuns() throws {
    let root = TemporaryDirectory()
    let dataset = LodeDataset(root: root.path, durability: .none)
    func add(_ id: String, job: String, parent: String? = nil, attempt: Int64 = 1, end: String) throws {
      let run = try Run(dataset, id: id)
      try run.sink.write(
        run.batch { batch in
          batch.addEvent(end, seq: 1) { out in
            JSONText.appendMember("job_id", job, to: &out)
            JSONText.appendMember("attempt", attempt, to: &out)
            JSONText.appendMember("parent_run_id", parent, to: &out)
          }
        })
    }
    try add("a", job: "good", end: "run_complete")
    try add("b", job: "good", parent: "a", end: "run_error")
    try add("b2", job: "good", parent: "b", attempt: 2, end: "run_complete")
    try add("c", job: "bad", end: "run_complete")
    try add("d", job: "bad", parent: "c", end: "run_error")
    let reader = LodeReader(root: root.path)
    #expect(try reader.job("good")?.state == .succeeded)
    #expect(try reader.job("bad")?.state == .failed)
    #expect(try reader.job("none") == nil)
    #expect(Set(try reader.jobs().rows.map(\.jobID)) == ["good", "bad"])
    let root0 = try #require(try reader.run("a")?.summary)
    #expect(Set(try reader.descendants(of: root0).rows.map(\.runID)) == ["b", "b2"])
    #expect(try reader.descendants(of: root0, levels: 1).rows.map(\.runID) == ["b"])
  }

  @Test func linesOfAnyLengthAndFormAreRead() throws {
    let root = TemporaryDirectory()
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: "r1")
    let long = String(repeating: "x", count: 12 << 20)
    try run.sink.write(
      run.batch { batch in
        batch.addEvent("item", seq: 1) { JSONText.appendMember("text", long, to: &$0) }
        batch.addEvent("item", seq: 2) { JSONText.appendMember("text", "a\\\"{[\n", to: &$0) }
        batch.addEvent("item", seq: 3)
      })
    let reader = LodeReader(root: root.path)
    var lengths: [Int] = []
    try reader.records(RecordQuery(runs: RunFilter(runID: "r1"))) { line in
      lengths.append(line.count)
      return true
    }
    #expect(lengths.count == 3 && lengths[0] > 12 << 20)
    #expect(try sequence(reader, "r1") == [1, 2, 3])
    var first = 0
    try reader.records(RecordQuery(runs: RunFilter(runID: "r1"))) { _ in
      first += 1
      return false
    }
    #expect(first == 1)
  }

  @Test func sortedKeysOfOthersAreRead() throws {
    let root = TemporaryDirectory()
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: "r1")
    try run.sink.write(run.batch { $0.addEvent("run_error", seq: 1) })
    let reader = LodeReader(root: root.path)
    let file = try #require(try reader.chain().rows.first?.files.first)
    let line =
      #"{"attempt":1,"data":{"attempt":9,"b":["}",{"ts":"no"}]},"job_id":"\u003cj\u003e","ts":"2026-11-24T01:02:03+01:00"}"#
    try put(line + "\n", at: reader.layout.path(of: file.path))
    let summary = try #require(try reader.runs().rows.first)
    #expect(summary.jobID == "<j>" && summary.attempt == 1 && summary.policy == nil)
    #expect(summary.startedAt == Timestamp("2026-11-24T00:02:03Z"))
    #expect(summary.state == .failed)
  }
}
