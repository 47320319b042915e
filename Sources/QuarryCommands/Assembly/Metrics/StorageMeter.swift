import QuarryCore
import QuarryMetrics
import Synchronization

/// Counts and times what is written to storage.
final class StorageMeter: Sendable {
  private let commits = DurationHistogram()
  private let appends = DurationHistogram()
  private let failedCommits = Atomic<Int>(0)
  private let failedAppends = Atomic<Int>(0)
  private let records = Atomic<Int>(0)
  private let bytes = Atomic<Int>(0)

  func sink(_ sink: any EventSink) -> any EventSink { MeteredSink(sink: sink, meter: self) }
  func ledger(_ ledger: any Ledger) -> any Ledger { MeteredLedger(ledger: ledger, meter: self) }

  var families: [MetricFamily] {
    [
      commits.family("quarry_storage_commit_duration_seconds", "Commits of runs that storage took, by duration."),
      MetricFamily(
        .counter, "quarry_storage_commit_failures_total", "Commits of runs that storage refused.",
        Double(failedCommits.load(ordering: .relaxed))),
      MetricFamily(
        .counter, "quarry_storage_records_written_total", "Records in those commits.",
        Double(records.load(ordering: .relaxed))),
      MetricFamily(
        .counter, "quarry_storage_bytes_written_total", "Bytes of those records and of files, before compression.",
        Double(bytes.load(ordering: .relaxed))),
    ] + ledgerFamilies
  }

  /// Of a process that writes no runs.
  var ledgerFamilies: [MetricFamily] {
    [
      appends.family("quarry_ledger_append_duration_seconds", "Appends to the ledger that storage took, by duration."),
      MetricFamily(
        .counter, "quarry_ledger_append_failures_total", "Appends to the ledger that storage refused.",
        Double(failedAppends.load(ordering: .relaxed))),
    ]
  }

  fileprivate func commit(
    records count: Int, bytes size: Int, _ body: () throws(QuarryError) -> Void
  ) throws(QuarryError) {
    try time(body, commits, failedCommits)
    records.wrappingAdd(count, ordering: .relaxed)
    bytes.wrappingAdd(size, ordering: .relaxed)
  }

  fileprivate func append(_ body: () throws(QuarryError) -> Void) throws(QuarryError) {
    try time(body, appends, failedAppends)
  }

  private func time(
    _ body: () throws(QuarryError) -> Void, _ taken: DurationHistogram, _ refused: borrowing Atomic<Int>
  ) throws(QuarryError) {
    let begin = ContinuousClock.now
    do throws(QuarryError) { try body() } catch {
      refused.wrappingAdd(1, ordering: .relaxed)
      throw error
    }
    taken.note(ContinuousClock.now - begin)
  }
}

private struct MeteredSink: EventSink {
  let sink: any EventSink
  let meter: StorageMeter

  func write(_ batch: RecordBatch) throws(QuarryError) {
    try meter.commit(records: batch.recordCount, bytes: batch.byteCount) { () throws(QuarryError) in
      try sink.write(batch)
    }
  }

  func putFile(name: String, contentType: String, data: UnsafeRawBufferPointer) throws(QuarryError) {
    try meter.commit(records: 0, bytes: data.count) { () throws(QuarryError) in
      try sink.putFile(name: name, contentType: contentType, data: data)
    }
  }

  var figures: [SinkFigures] { sink.figures }
  func endWaiting(within limit: Duration) { sink.endWaiting(within: limit) }
}

private struct MeteredLedger: Ledger {
  let ledger: any Ledger
  let meter: StorageMeter

  func append(_ records: [String], fleet: String, jobID: String) throws(QuarryError) {
    try meter.append { () throws(QuarryError) in try ledger.append(records, fleet: fleet, jobID: jobID) }
  }

  func records(fleet: String, jobID: String) throws(QuarryError) -> [String] {
    try ledger.records(fleet: fleet, jobID: jobID)
  }
}
