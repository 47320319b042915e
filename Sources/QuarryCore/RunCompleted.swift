/// The notification that a run is over; `runID` is the consumer's idempotency key.
package struct RunCompleted: Sendable, Equatable {
  package var runID: String
  package var source: String
  package var category: String
  /// `YYYY-MM-DD`, the day of the run's partition.
  package var day: String
  package var outcome: Outcome
  /// `file://…` or `s3://…` of the run's partition.
  package var storagePath: String
  /// When the run ended; told in whole seconds.
  package var timestamp: Timestamp
  package var jobID: String?
  package var attempt: Int
  package var eventCount: Int
  package var durationMilliseconds: Int64

  package init(
    runID: String, source: String, category: String, day: String, outcome: Outcome, storagePath: String,
    timestamp: Timestamp, jobID: String? = nil, attempt: Int = 1, eventCount: Int, durationMilliseconds: Int64
  ) {
    self.runID = runID
    self.source = source
    self.category = category
    self.day = day
    self.outcome = outcome
    self.storagePath = storagePath
    self.timestamp = timestamp
    self.jobID = jobID
    self.attempt = attempt
    self.eventCount = eventCount
    self.durationMilliseconds = durationMilliseconds
  }

  /// One line of JSON, as every channel carries it.
  package var json: String {
    var out: [UInt8] = [UInt8(ascii: "{")]
    JSONText.appendMember("contract_version", Version.current, to: &out)
    JSONText.appendMember("event_type", "run_completed", to: &out)
    JSONText.appendMember("run_id", runID, to: &out)
    JSONText.appendMember("source", source, to: &out)
    JSONText.appendMember("category", category, to: &out)
    JSONText.appendMember("day", day, to: &out)
    JSONText.appendMember("outcome", outcome.rawValue, to: &out)
    JSONText.appendMember("storage_path", storagePath, to: &out)
    JSONText.appendMember("timestamp", timestamp.text(fraction: 0), to: &out)
    JSONText.appendMember("job_id", jobID, to: &out)
    JSONText.appendMember("attempt", Int64(attempt), to: &out)
    JSONText.appendMember("event_count", Int64(eventCount), to: &out)
    JSONText.appendMember("duration_ms", durationMilliseconds, to: &out)
    out.append(UInt8(ascii: "}"))
    return String(decoding: out, as: UTF8.self)
  }
}
