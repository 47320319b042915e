import QuarryCore
import Testing

import QuarryFleet

@Suite(.timeLimit(.minutes(5))) struct LedgerRecordTests {
  private let time = Timestamp(nanoseconds: 1_700_000_000_000_000_000)
  private let work = WorkRecord(
    target: "detail.ts", params: #"{"url":"https://shop/ü?a=\"b\""}"#, source: "shop", category: "default")

  private func accepted(_ run: String, task: String = "t1") -> AcceptedRecord {
    AcceptedRecord(
      task: TaskRecord(
        taskID: task, epoch: 1_700_000_000_001, attempt: 2, depth: 1, work: work, parentTaskID: "t0",
        originRunID: "r0"),
      runID: run,
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
      task: TaskRecord(taskID: "t1", epoch: 3, attempt: 4, depth: 1, work: work), failure: "app",
      reason: "line one\nline two")
    var job = JobRecord(
      root: work, rootTaskID: "t0", depth: 3, maxRuns: 500, policy: "strict",
      storage: StorageIdentity(backend: "fs", dataset: "quarry", id: "x"), scripts: ["list.ts": "ab12"])
    job.politeness.hostConcurrency = 2
    job.politeness.hostDelay = .milliseconds(1_500)
    job.politeness.hostMaxPages = 100
    job.politeness.autoThrottle = true
    job.politeness.jobConcurrency = 8
    let entries: [LedgerEntry] = [
      .job(job), .accepted(accepted("r1")), .dead(ended), .cancelled(ended), .requeued(taskID: "t1"),
    ]
    let lines = LedgerLine.encode(entries[which], jobID: "j", time: time)
    let line = try #require(lines.count == 1 ? lines.first : nil)
    #expect(!line.contains("\n"))
    #expect(try LedgerLine.decode(line) == entries[which])
  }

  @Test func anAcceptedLineCarriesTheNamesThatReadersUse() throws {
    let lines = LedgerLine.encode(.accepted(accepted("r1")), jobID: "j", time: time)
    let value = try JSONParser.parse(try #require(lines.first))
    #expect(value["kind"] == "accepted")
    #expect(value["job_id"] == "j")
    #expect(value["ts"] == "2023-11-14T22:13:20.000Z")
    #expect(value["accepted_run_id"] == "r1")
    #expect(value["children"]?.array?.first?["params"]?["n"] == 9_007_199_254_740_993)
  }

  @Test func theFirstAcceptanceCountsAndARequeueRevokesADeath() throws {
    var ledger = JobLedger(jobID: "j")
    let ended = EndedTaskRecord(
      task: TaskRecord(taskID: "t2", epoch: 3, attempt: 4, depth: 1, work: work), failure: "app", reason: "x")
    for entry in [
      .accepted(accepted("r1")), .accepted(accepted("r2")), .accepted(accepted("r1")), LedgerEntry.dead(ended),
    ] {
      try ledger.apply(entry)
    }
    #expect(ledger.acceptedRunIDs == ["r1"])
    #expect(ledger.superseded.map(\.runID) == ["r2"])
    #expect(ledger.dead.keys.sorted() == ["t2"])
    try ledger.apply(.requeued(taskID: "t2"))
    #expect(ledger.dead.isEmpty)
    try ledger.apply(.accepted(accepted("r3", task: "t2")))
    #expect(ledger.acceptedRunIDs == ["r1", "r3"])
  }

  /// What the line's place adds to it.
  private let place = 2_048

  private func child(_ index: Int, bytes: Int) -> WorkRecord {
    WorkRecord(
      index: index, target: "detail.ts", params: #"{"page":"\#(String(repeating: "x", count: bytes))"}"#,
      options: .init(dedupKey: "\(index)"))
  }

  /// Encodes and reads back.
  private func throughLines(_ record: AcceptedRecord, dropping part: Int? = nil) throws -> (JobLedger, [String]) {
    var lines = LedgerLine.encode(.accepted(record), jobID: "j", time: time)
    let all = lines
    if let part { lines.remove(at: part) }
    var ledger = JobLedger(jobID: "j")
    // What is repeated, by whoever finishes what a dead process left, changes nothing.
    for line in lines + lines { if let entry = try LedgerLine.decode(line) { try ledger.apply(entry) } }
    return (ledger, all)
  }

  @Test(arguments: [(0, 10), (3, 300_000), (120, 100_000), (50_000, 200), (2, 8_000_000)])
  func noLineReachesTheLimitAndNothingOfTheChildrenIsLost(_ count: Int, _ bytes: Int) throws {
    var record = accepted("r1")
    record.task.work.params = child(0, bytes: 8_000_000).params
    record.children = (0..<count).map { child($0, bytes: bytes) }
    let (ledger, lines) = try throughLines(record)
    #expect(lines.allSatisfy { $0.utf8.count + place < RecordBatch.lineLimit })
    #expect(lines.count == 1 || count * bytes > 1 << 20)
    #expect(ledger.accepted["t1"] == record)
    #expect(ledger.superseded.isEmpty)
  }

  @Test func aLedgerThatLacksAPartIsNoWholeOne() throws {
    var record = accepted("r1")
    record.children = (0..<20).map { child($0, bytes: 200_000) }
    let error = #expect(throws: QuarryError.self) { try throughLines(record, dropping: 1) }
    #expect(error?.kind == .storage && error?.message.contains("part 1") == true)
  }

  @Test func aLineThatIsCutOrUnknownIsNoCrash() throws {
    #expect(throws: QuarryError.self) { try LedgerLine.decode(#"{"kind":"accepted","task_id":"t"#) }
    #expect(throws: QuarryError.self) { try LedgerLine.decode(#"{"kind":"accepted","task_id":"t"}"#) }
    #expect(try LedgerLine.decode(#"{"kind":"later"}"#) == nil)
  }
}
