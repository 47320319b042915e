import QuarryCore
import QuarryLode
import TestSupport
import Testing

/// What runs, jobs, metrics, proxies and executors come to.
@Suite struct FiguresTests {
  let root = TemporaryDirectory()
  var dataset: LodeDataset { LodeDataset(root: root.path, durability: .none) }
  var reader: LodeReader { LodeReader(root: root.path) }

  private func store(
    _ id: String, source: String = "shop", job: String? = nil, parent: String? = nil, attempt: Int64 = 1,
    task: String? = nil, end: String = "run_complete", ts: String = "2026-11-24T10:00:00.000Z", metrics: String? = nil
  ) throws {
    let run = try Run(dataset, id: id, source: source)
    try run.sink.write(
      run.batch { batch in
        batch.append(.event, eventType: end) { out in
          JSONText.appendMember("seq", 1, to: &out)
          JSONText.appendMember("ts", ts, to: &out)
          JSONText.appendMember("job_id", job, to: &out)
          JSONText.appendMember("attempt", attempt, to: &out)
          JSONText.appendMember("parent_run_id", parent, to: &out)
          JSONText.appendMember("task_id", task, to: &out)
        }
      })
    guard let metrics else { return }
    try run.sink.write(
      run.batch { batch in
        batch.append(.metrics, eventType: "metrics") { out in
          JSONText.appendSeparator(to: &out)
          out += metrics.utf8
        }
      })
  }

  private func totals(_ filter: RunFilter = RunFilter(), limit: Int? = nil) throws -> MetricsTotals {
    var totals = MetricsTotals()
    let warnings = try reader.forEachMetrics(filter, limit: limit) { totals.add($1) }
    #expect(warnings == [])
    return totals
  }

  @Test func metricsAddUpAndSayWhatAllSay() throws {
    try store(
      "a", job: "j",
      metrics:
        #""ts":"2026-11-24T10:00:05Z","executor":"e","job_id":"j","runs_completed_total":1,"events_dropped_total":2,"dropped_by_type":{"log":2},"flush_triggers":{"count":1,"interval":0}"#
    )
    try store(
      "b", source: "news",
      metrics:
        #""ts":"2026-11-24T10:00:09Z","executor":"e","runs_completed_total":0,"runs_failed_total":1,"events_dropped_total":1,"dropped_by_type":{"log":0,"enqueue":1},"flush_triggers":{"count":2,"interval":3}"#
    )
    try store("c")
    let all = try totals()
    #expect(all.runs == 2)
    #expect(all.members["runs_completed_total"] == 1 && all.members["runs_failed_total"] == 1)
    #expect(all.members["events_dropped_total"] == 3)
    #expect(all.members["dropped_by_type"] == ["log": 2, "enqueue": 1])
    #expect(all.members["flush_triggers"] == ["count": 3, "interval": 3])
    #expect(all.members["ts"] == "2026-11-24T10:00:09Z" && all.members["executor"] == "e")
    #expect(all.members["run_id"] == JSONValue.null && all.members["job_id"] == JSONValue.null)
    #expect(all.members["record_kind"] == nil && all.members["lode_write_retry_total"] == nil)
    let one = try totals(RunFilter(runID: "a"))
    #expect(one.runs == 1 && one.members["run_id"] == "a" && one.members["source"] == "shop")
    #expect(try totals(RunFilter(jobID: "j")).members["run_id"] == "a")
    #expect(try totals(RunFilter(state: .failed)).members["run_id"] == "b")
    #expect(try totals(RunFilter(source: "news")).runs == 1)
    #expect(try totals(RunFilter(state: .running)).runs == 0)
    _ = try #require(try reader.refreshIndex())
    #expect(try totals() == all)
    #expect(try totals(RunFilter(jobID: "j")).members["run_id"] == "a")
    // The newest run has no metrics.
    #expect(try totals(limit: 1).runs == 0)
    #expect(try totals(limit: 3).runs == 2)
  }

  @Test func metricsOfRunsThatBeganSince() throws {
    try store("old", ts: "2026-11-24T09:00:00Z", metrics: #""ts":"2026-11-24T12:00:00Z","runs_completed_total":1"#)
    try store("new", ts: "2026-11-24T11:00:00Z", metrics: #""ts":"2026-11-24T11:00:01Z","runs_completed_total":1"#)
    let since = try #require(Timestamp("2026-11-24T10:00:00Z"))
    #expect(try totals(RunFilter(since: since)).members["run_id"] == "new")
    // A run's first event may come after midnight of the day that it lies under.
    try store("late", ts: "2026-11-25T00:00:01Z", metrics: #""runs_completed_total":1"#)
    let midnight = try #require(Timestamp("2026-11-25T00:00:00Z"))
    #expect(try totals(RunFilter(since: midnight)).members["run_id"] == "late")
    #expect(try reader.runs(RunFilter(since: midnight)).rows.map(\.runID) == ["late"])
  }

  @Test func aDamagedMetricsRecordIsNamedAndPassedOver() throws {
    try store("a", metrics: #""ts":"2026-11-24T10:00:05Z","runs_completed_total":1"#)
    let file = try #require(try reader.chain().rows.first?.files.first)
    try put(#"{"runs_completed_to"#, at: reader.layout.path(of: file.path))
    var totals = MetricsTotals()
    let warnings = try reader.forEachMetrics(RunFilter()) { totals.add($1) }
    #expect(totals.runs == 0)
    #expect(warnings.count == 2 && warnings[0].contains("has 19 bytes; its manifest says"))
    #expect(warnings.last?.contains("run_id=a/event_type=metrics is passed over: line 1") == true)
    try put("", at: reader.layout.path(of: file.path))
    let others = try reader.forEachMetrics(RunFilter()) { totals.add($1) }
    #expect(totals.runs == 0)
    #expect(others.count == 1 && others[0].contains("has 0 bytes; its manifest says"))
  }

  @Test func jobsCountTheirRunsInAnyOrder() throws {
    try store("a", job: "good", ts: "2026-11-24T10:00:02Z")
    try store("b", job: "good", parent: "a", end: "run_error", ts: "2026-11-24T10:00:01Z")
    try store("b2", job: "good", parent: "b", attempt: 2, end: "run_error", ts: "2026-11-24T10:00:03Z")
    try store("b3", job: "good", parent: "b2", attempt: 3, ts: "2026-11-24T10:00:04Z")
    try store("c", job: "bad", ts: "2026-11-24T10:00:09Z")
    try store("d", job: "bad", parent: "c", end: "run_error", ts: "2026-11-24T10:00:09Z")
    // Two runs that retry each other.
    try store("e", job: "odd", parent: "f", attempt: 2, end: "run_error", ts: "2026-11-24T09:00:00Z")
    try store("f", job: "odd", parent: "e", attempt: 2, ts: "2026-11-24T09:00:00Z")
    try store("t1", job: "fleet", task: "t", end: "run_error", ts: "2026-11-24T08:00:00Z")
    try store("t2", job: "fleet", attempt: 2, task: "t", ts: "2026-11-24T08:00:00Z")
    try store("alone")
    let jobs = try reader.jobs().rows
    #expect(jobs.map(\.jobID) == ["bad", "good", "odd", "fleet"])
    #expect(jobs.map(\.state) == [.failed, .succeeded, .failed, .succeeded])
    #expect(jobs[1].runs.total == 4 && jobs[1].runs[.failed] == 2 && jobs[1].runs[.succeeded] == 2)
    #expect(jobs[1].firstStartedAt == Timestamp("2026-11-24T10:00:01Z"))
    #expect(try reader.jobs(limit: 1).rows.map(\.jobID) == ["bad"])
    #expect(try reader.jobs(RunFilter(state: .succeeded), limit: 2).rows.map(\.jobID) == ["good", "fleet"])
    #expect(try reader.jobs(RunFilter(source: "other")).rows == [])
    #expect(try reader.job("good")?.state == .succeeded)
  }

  @Test func aJobIsAlsoWhatItsLedgerSays() throws {
    let ledger = dataset.ledger
    // Done by its only run, and another task of it died without one.
    try store("r1", job: "half", task: "t1")
    try ledger.append(
      [
        #"{"kind":"job"}"#, #"{"kind":"accepted","task_id":"t1","accepted_run_id":"r1"}"#,
        #"{"kind":"dead","task_id":"t2","failure":"unrunnable","reason":"no script"}"#,
      ], fleet: "f", jobID: "half")
    try store("r2", job: "whole", task: "u1", ts: "2026-11-24T09:00:00Z")
    try ledger.append([#"{"kind":"accepted","task_id":"u1","accepted_run_id":"r2"}"#], fleet: "f", jobID: "whole")
    try ledger.append([#"{"kind":"job"}"#], fleet: "f", jobID: "begun")
    try store("r3", job: "called-off", task: "v1", ts: "2026-11-24T08:00:00Z")
    try ledger.append(
      [#"{"kind":"accepted","task_id":"v1","accepted_run_id":"r3"}"#, #"{"kind":"cancelled","task_id":"v2"}"#],
      fleet: "f", jobID: "called-off")
    let jobs = try reader.jobs().rows
    #expect(jobs.map(\.jobID) == ["half", "whole", "called-off", "begun"])
    #expect(jobs.map(\.state) == [.failed, .succeeded, .failed, .running])
    #expect(jobs.map { $0.tasks?.dead } == [1, 0, 0, 0] && jobs[0].tasks?.done == 1)
    #expect(try reader.jobs(RunFilter(source: "shop")).rows.map(\.jobID) == ["half", "whole", "called-off"])
    #expect(try reader.job("half")?.state == .failed && reader.job("begun")?.state == .running)
    #expect(try reader.run("r1")?.isAccepted == true)
    #expect(try reader.job("begun")?.runs == [] && reader.job("other") == nil)
  }

  @Test func proxiesCountTheirRuns() throws {
    try store("a", metrics: #""ts":"2026-11-24T10:00:05Z","proxy_pool":"p","rotate_proxy_total":1"#)
    try store("b", metrics: #""ts":"2026-11-24T10:00:03Z","proxy_pool":"p","proxy_failures_total":1"#)
    try store("c", metrics: #""ts":"2026-11-24T10:00:04Z","proxy_pool":"o""#)
    try store("d", metrics: #""ts":"2026-11-24T10:00:04Z""#)
    var tally = ProxyTally()
    _ = try reader.forEachMetrics(RunFilter()) { tally.add($1) }
    let pools = tally.byName
    #expect(pools.map(\.pool) == ["o", "p"])
    // Records of older versions say nothing of failures.
    #expect(pools[0].requests == 1 && pools[0].failures == nil)
    #expect(pools[1].requests == 2 && pools[1].failures == 1 && pools[1].rotations == 1)
    #expect(pools[1].lastUsedAt == Timestamp("2026-11-24T10:00:05Z"))
  }

  @Test func executorsAreAsTheirLastRunLeftThem() throws {
    try store("a", metrics: #""ts":"2026-11-24T10:00:05Z","executor":"node","executor_crash_total":0"#)
    try store("b", metrics: #""ts":"2026-11-24T10:00:03Z","executor":"node","executor_crash_total":1"#)
    try store("c", metrics: #""ts":"2026-11-24T10:00:09Z","executor":"odd","executor_launch_failure_total":1"#)
    try store("d", metrics: #""ts":"2026-11-24T10:00:04Z""#)
    var tally = ExecutorTally()
    _ = try reader.forEachMetrics(RunFilter()) { tally.add($1, runID: $0.runID) }
    let executors = tally.newestFirst
    #expect(executors.map(\.executor) == ["odd", "node"])
    #expect(executors.map(\.hasFailed) == [true, false])
    #expect(executors[1].runs == 2 && executors[1].crashes == 1 && executors[1].lastRunID == "a")
    #expect(executors[1].lastSeenAt == Timestamp("2026-11-24T10:00:05Z"))
    #expect(executors[0].launchFailures == 1)
  }

  @Test func endedTasksAreWhatTheLedgerSaysLast() throws {
    let ledger = dataset.ledger
    try ledger.append(
      [
        #"{"kind":"job","job_id":"j"}"#,
        #"{"kind":"dead","task_id":"t1","ts":"2026-11-24T10:00:00.000Z","target":"a.ts","depth":1,"attempt":4,"failure":"app","reason":"no"}"#,
        #"{"kind":"requeued","task_id":"t1"}"#,
        #"{"kind":"dead","task_id":"t2","failure":"crash","reason":"gone"}"#,
        #"{"kind":"requeued","task_id":"t3"}"#,
      ], fleet: "f", jobID: "j")
    try ledger.append(
      [
        #"{"kind":"accepted","task_id":"t1","accepted_run_id":"r1","target":"a.ts","attempt":5,"children":[]}"#,
        #"{"kind":"accepted","task_id":"t1","accepted_run_id":"r9"}"#,
        #"{"kind":"dead","task_id":"t1","failure":"app","reason":"late"}"#,
        #"{"kind":"cancelled","task_id":"t4","reason":"asked"}"#,
      ], fleet: "f", jobID: "j")
    try ledger.append([#"{"kind":"accepted","task_id":"u1","accepted_run_id":"r"}"#], fleet: "f", jobID: "k")
    var tasks: [String: EndedTask] = [:]
    try reader.forEachEndedTask(jobID: "j") { tasks[$0.taskID] = $0 }
    #expect(tasks.mapValues(\.state) == ["t1": .done, "t2": .dead, "t4": .cancelled])
    #expect(tasks["t1"]?.runID == "r1" && tasks["t1"]?.attempt == 5 && tasks["t1"]?.error == nil)
    #expect(tasks["t2"]?.error == "crash: gone" && tasks["t2"]?.target == nil && tasks["t4"]?.error == "asked")
    var all = 0
    try reader.forEachEndedTask { _ in all += 1 }
    #expect(all == 4)
  }

  @Test func aRunsErrorIsKnown() throws {
    let run = try Run(dataset, id: "r")
    try run.sink.write(
      run.batch { batch in
        batch.addEvent("run_error", seq: 1) { out in
          JSONText.appendKey("payload", to: &out)
          out += #"{"error_type":"script","message":"no"}"#.utf8
        }
      })
    #expect(try reader.run("r")?.error == ["error_type": "script", "message": "no"])
    #expect(try reader.runIDs(limit: 5) == ["r"])
  }
}
