import QuarryCore
import Testing

import QuarryFleet

@Suite struct LedgerRecordTests {
  private let time = Timestamp(nanoseconds: 1_700_000_000_000_000_000)
  private let work = WorkRecord(
    target: "detail.ts", params: #"{"url":"https://shop/ü?a=\"b\""}"#, source: "shop", category: "default")

  private func accepted(_ run: String, task: String = "t1") -> AcceptedRecord {
    AcceptedRecord(
      taskID: task, runID: run, epoch: 1_700_000_000_001, attempt: 2, depth: 1, work: work, parentTaskID: "t0",
      originRunID: "r0",
      figures: RunFigures(
        outcome: .success, eventCount: 4, itemCount: 3, durationMilliseconds: 12, storagePath: "file:///d",
        day: "2026-11-24"),
      children: [
        WorkRecord(
          index: 0, target: "detail.ts", params: #"{"n":9007199254740993}"#,
          options: .init(lane: "high", delayMilliseconds: 5, dedupKey: "k"))
      ])
  }

  @Test(arguments: [0, 1, 2, 3, 4]) func everyKindReadsBackAsItWas(_ which: Int) throws {
    let ended = EndedTaskRecord(
      taskID: "t1", epoch: 3, attempt: 4, depth: 1, work: work, parentTaskID: nil, originRunID: nil, failure: "app",
      reason: "line one\nline two")
    let job = JobRecord(
      root: work, rootTaskID: "t0", depth: 3, maxRuns: 500, policy: "strict",
      storage: StorageIdentity(backend: "fs", dataset: "quarry", id: "x"), scripts: ["list.ts": "ab12"])
    let entries: [LedgerEntry] = [
      .job(job), .accepted(accepted("r1")), .dead(ended), .cancelled(ended), .requeued(taskID: "t1"),
    ]
    let line = LedgerLine.encode(entries[which], jobID: "j", time: time)
    #expect(!line.contains("\n"))
    #expect(try LedgerLine.decode(line) == entries[which])
  }

  @Test func anAcceptedLineCarriesTheNamesThatReadersUse() throws {
    let value = try JSONParser.parse(LedgerLine.encode(.accepted(accepted("r1")), jobID: "j", time: time))
    #expect(value["kind"] == "accepted")
    #expect(value["job_id"] == "j")
    #expect(value["ts"] == "2023-11-14T22:13:20.000Z")
    #expect(value["accepted_run_id"] == "r1")
    #expect(value["children"]?.array?.first?["params"]?["n"] == 9_007_199_254_740_993)
  }

  @Test func theFirstAcceptanceCountsAndARequeueRevokesADeath() {
    var ledger = JobLedger(jobID: "j")
    let ended = EndedTaskRecord(
      taskID: "t2", epoch: 3, attempt: 4, depth: 1, work: work, parentTaskID: nil, originRunID: nil, failure: "app",
      reason: "x")
    for entry in [
      .accepted(accepted("r1")), .accepted(accepted("r2")), .accepted(accepted("r1")), LedgerEntry.dead(ended),
    ] {
      ledger.apply(entry)
    }
    #expect(ledger.acceptedRunIDs == ["r1"])
    #expect(ledger.superseded.map(\.runID) == ["r2"])
    #expect(ledger.dead.keys.sorted() == ["t2"])
    ledger.apply(.requeued(taskID: "t2"))
    #expect(ledger.dead.isEmpty)
    ledger.apply(.accepted(accepted("r3", task: "t2")))
    #expect(ledger.acceptedRunIDs == ["r1", "r3"])
  }

  @Test func aLineThatIsCutOrUnknownIsNoCrash() throws {
    #expect(throws: QuarryError.self) { try LedgerLine.decode(#"{"kind":"accepted","task_id":"t"#) }
    #expect(throws: QuarryError.self) { try LedgerLine.decode(#"{"kind":"accepted","task_id":"t"}"#) }
    #expect(try LedgerLine.decode(#"{"kind":"later"}"#) == nil)
  }
}
