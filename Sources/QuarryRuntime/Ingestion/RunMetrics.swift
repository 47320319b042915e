import QuarryCore

/// The counters of one run, as its metrics record and its report say them.
package struct RunMetrics: Sendable, Equatable {
  package var ts: Timestamp
  package var policy: String
  /// Base name of the executor's path.
  package var executor: String
  /// `fs` or `s3`.
  package var storageBackend: String
  package var runID: String
  package var jobID: String?
  package var outcome: Outcome
  /// False when the executor's process could not be started.
  package var launched: Bool
  package var figures: IngestionFigures
  /// The proxy that the run was given.
  package var proxy: RunProxy?
  /// The script asked for another one.
  package var isRotationWanted = false
  /// The run failed by its proxy.
  package var hasFailedByProxy = false
  /// Why it failed, where no `run_error` says so; nil for one that did not.
  package var error: String?

  package init(
    ts: Timestamp = .now(), policy: String, executor: String, storageBackend: String, runID: String,
    jobID: String? = nil, outcome: Outcome, launched: Bool, figures: IngestionFigures
  ) {
    self.ts = ts
    self.policy = policy
    self.executor = executor
    self.storageBackend = storageBackend
    self.runID = runID
    self.jobID = jobID
    self.outcome = outcome
    self.launched = launched
    self.figures = figures
  }

  /// Appends the record under `event_type=metrics`. The batch is one made with the run's policy: it writes `policy`,
  /// `run_id` and the other partition keys itself.
  package func append(to batch: inout RecordBatch) {
    batch.append(.metrics, eventType: "metrics") { appendMembers(to: &$0) }
  }

  /// A JSON object with the record's names, for the report.
  package var jsonText: String {
    var out = Array("{".utf8)
    JSONText.appendMember("run_id", runID, to: &out)
    JSONText.appendMember("policy", policy, to: &out)
    appendMembers(to: &out)
    out.append(UInt8(ascii: "}"))
    return String(decoding: out, as: UTF8.self)
  }

  private func appendMembers(to out: inout [UInt8]) {
    JSONText.appendMember("ts", ts.text(fraction: 0), to: &out)
    JSONText.appendMember("executor", executor, to: &out)
    JSONText.appendMember("storage_backend", storageBackend, to: &out)
    JSONText.appendMember("job_id", jobID, to: &out)
    JSONText.appendMember("proxy_pool", proxy?.pool, to: &out)
    JSONText.appendMember("proxy_endpoint", proxy?.name, to: &out)
    if proxy != nil {
      JSONText.appendMember("rotate_proxy_total", isRotationWanted ? 1 : 0, to: &out)
      JSONText.appendMember("proxy_failures_total", hasFailedByProxy ? 1 : 0, to: &out)
    }
    if let error {
      JSONText.appendMember("error_type", outcome.rawValue, to: &out)
      JSONText.appendMember("error_message", error, to: &out)
    }
    for (name, value) in counters { JSONText.appendMember(name, Int64(value), to: &out) }
    appendCounts("dropped_by_type", figures.droppedByType.sorted { $0.key < $1.key }, to: &out)
    appendSinks(to: &out)
    guard let triggers = figures.flushTriggers else { return }
    let counts = [
      ("count", triggers.count), ("interval", triggers.interval), ("termination", triggers.termination),
      ("capacity", triggers.capacity),
    ]
    appendCounts("flush_triggers", counts, to: &out)
  }

  private func appendSinks(to out: inout [UInt8]) {
    guard !figures.sinks.isEmpty else { return }
    JSONText.appendKey("event_sinks", to: &out)
    out.append(UInt8(ascii: "{"))
    for sink in figures.sinks {
      JSONText.appendSeparator(to: &out)
      JSONText.append(sink.name, to: &out)
      out += ":{".utf8
      JSONText.appendMember("delivery", sink.delivery.rawValue, to: &out)
      for (name, value) in sink.counters { JSONText.appendMember(name, Int64(value), to: &out) }
      out.append(UInt8(ascii: "}"))
    }
    out.append(UInt8(ascii: "}"))
  }

  private var counters: [(StaticString, Int)] {
    let isCrash = outcome == .executorCrash
    return [
      ("runs_started_total", 1),
      ("runs_completed_total", outcome == .success ? 1 : 0),
      ("runs_failed_total", outcome == .success || isCrash ? 0 : 1),
      ("runs_crashed_total", isCrash ? 1 : 0),
      ("events_received_total", figures.eventsReceived),
      ("events_persisted_total", figures.eventsPersisted),
      ("events_dropped_total", figures.eventsDropped),
      ("executor_launch_success_total", launched ? 1 : 0),
      ("executor_launch_failure_total", launched ? 0 : 1),
      ("executor_crash_total", isCrash ? 1 : 0),
      ("ipc_decode_errors_total", figures.decodeErrors),
      ("lode_write_success_total", figures.writesSucceeded),
      ("lode_write_failure_total", figures.writesFailed),
      ("lode_write_retry_total", figures.writesRetried),
    ]
  }

  private func appendCounts(_ name: StaticString, _ counts: [(key: String, value: Int)], to out: inout [UInt8]) {
    guard !counts.isEmpty else { return }
    JSONText.appendKey(name, to: &out)
    out.append(UInt8(ascii: "{"))
    for (key, value) in counts {
      JSONText.appendSeparator(to: &out)
      JSONText.append(key, to: &out)
      out.append(UInt8(ascii: ":"))
      JSONText.append(Int64(value), to: &out)
    }
    out.append(UInt8(ascii: "}"))
  }
}
