import QuarryCore
import QuarryRuntime
import Testing

@Suite struct PolicyConfigurationTests {
  @Test(arguments: [
    "strict", "streaming flush-count=500", "streaming flush-interval=1500ms",
    "streaming flush-count=1 flush-interval=60000ms", "buffered buffer-events=5000",
    "buffered buffer-bytes=1048576 flush-mode=chunks_first",
    "buffered buffer-events=1 buffer-bytes=1 flush-mode=two_phase",
    "buffered buffer-events=1 flush-mode=at_least_once",
  ])
  func theTextOfATaskRoundTrips(text: String) throws {
    #expect(try PolicyConfiguration(text: text).text == text)
  }

  @Test(arguments: [
    ("buffered", "needs a bound"), ("buffered flush-mode=two_phase", "needs a bound"),
    ("buffered buffer-events=0", "below 1"), ("buffered buffer-events=1 flush-mode=maybe", "'flush-mode=maybe'"),
    ("buffered buffer-events=1 flush-count=1", "streaming"), ("streaming flush-count=1 buffer-bytes=1", "buffered"),
    ("strict flush-mode=two_phase", "buffered"), ("streaming", "needs a trigger"),
    ("strict flush-count=1", "streaming"),
    ("streaming flush-count=0", "below 1"), ("streaming flush-count=x", "'flush-count=x'"), ("", "unknown policy ''"),
    ("streaming flush-count=5 speed=2", "'speed=2'"), ("loose", "unknown policy 'loose'"),
    ("streaming flush-interval=0ms", "1ms"),
  ])
  func whatIsNotAPolicySaysWhy(text: String, words: String) {
    #expect { try PolicyConfiguration(text: text) } throws: { error in
      (error as? QuarryError)?.kind == .usage && (error as? QuarryError)?.message.contains(words) == true
    }
  }
}

@Suite struct RunMetricsTests {
  @Test func theRecordHasEveryCounterAndNoEmptyMap() throws {
    var figures = IngestionFigures()
    figures.eventsReceived = 3
    figures.policy.eventsPersisted = 3
    let metrics = RunMetrics(
      ts: Timestamp(nanoseconds: 1_000_000_000), policy: "strict", executor: "quarry-executor", storageBackend: "fs",
      runID: "r", outcome: .executorCrash, launched: true, figures: figures)
    let partition = try RunPartition(dataset: "quarry", source: "s", category: "c", day: "2026-11-24", runID: "r")
    var batch = RecordBatch(partition: partition, policy: "strict")
    metrics.append(to: &batch)
    let record = try JSONParser.parse(String(decoding: batch.groups[0].lines, as: UTF8.self))
    #expect(record["record_kind"] == "metrics")
    #expect(record["event_type"] == "metrics")
    #expect(record["ts"] == "1970-01-01T00:00:01Z")
    #expect(record["events_received_total"] == 3)
    #expect(record["runs_crashed_total"] == 1)
    #expect(record["executor_crash_total"] == 1)
    #expect(record["runs_failed_total"] == 0)
    #expect(record["lode_write_retry_total"] == 0)
    #expect(record["dropped_by_type"] == nil)
    #expect(record["flush_triggers"] == nil)
    #expect(record["job_id"] == nil)
    let report = try #require(try JSONParser.parse(metrics.jsonText).object)
    #expect(report["run_id"] == "r")
    #expect(report["policy"] == "strict")
    #expect(report.filter { record[$0.key] != $0.value }.isEmpty)
  }

  @Test func triggersAndDropsAreThereWhenThereAreAny() throws {
    var figures = IngestionFigures()
    figures.policy.droppedByType = ["log": 2, "enqueue": 1]
    figures.policy.flushTriggers = FlushTriggers()
    let metrics = RunMetrics(
      policy: "streaming", executor: "e", storageBackend: "fs", runID: "r", jobID: "j", outcome: .success,
      launched: true,
      figures: figures)
    let value = try JSONParser.parse(metrics.jsonText)
    #expect(value["dropped_by_type"] == ["enqueue": 1, "log": 2])
    #expect(value["events_dropped_total"] == 3)
    #expect(value["flush_triggers"] == ["count": 0, "interval": 0, "termination": 0, "capacity": 0])
    #expect(value["job_id"] == "j")
    #expect(value["runs_completed_total"] == 1)
  }
}
