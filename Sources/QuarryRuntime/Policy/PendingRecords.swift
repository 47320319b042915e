import QuarryCore

/// Records that storage has not acknowledged yet.
struct PendingRecords: Sendable {
  private(set) var records: RecordBatch
  /// Events among them; the rest are chunks.
  private(set) var events = 0
  /// Commits of exactly these records that failed.
  private(set) var failures = 0

  init(_ records: RecordBatch) { self.records = records }

  var isEmpty: Bool { records.isEmpty }

  mutating func append(
    _ kind: RecordClass, _ write: (inout RecordBatch) throws(IngestionFailure) -> Void
  ) throws(IngestionFailure) {
    try write(&records)
    if kind.isEvent { events += 1 }
  }

  /// Takes back what was appended last, which was of this kind.
  mutating func removeLast(_ kind: RecordClass) -> RecordBatch.Line? {
    guard let line = records.removeLast() else { return nil }
    if kind.isEvent { events -= 1 }
    return line
  }

  mutating func append(_ line: RecordBatch.Line, _ kind: RecordClass) {
    records.append(line)
    if kind.isEvent { events += 1 }
  }

  mutating func append(contentsOf later: PendingRecords) {
    records.append(contentsOf: later.records)
    events += later.events
  }

  /// - Parameter figures: as they are before the commit of these records.
  /// - Returns: false, and nothing is appended, when there is nothing to be followed or its commit has failed already.
  mutating func appendClosing(_ closing: ClosingRecord, after figures: PolicyFigures) -> Bool {
    guard !isEmpty, failures == 0 else { return false }
    closing(stored(figures), &records)
    return true
  }

  mutating func removeClosing() { _ = records.removeLast() }

  /// One commit. Afterwards the records are gone, or all of them are still here.
  mutating func store(in sink: any EventSink, counting figures: inout PolicyFigures) throws(QuarryError) {
    try settle(attempt(sink), counting: &figures)
    removeAll()
  }

  /// The commit alone, for a thread that may not count.
  func attempt(_ sink: any EventSink) -> Result<Void, QuarryError> {
    do throws(QuarryError) { return .success(try sink.write(records)) } catch { return .failure(error) }
  }

  /// Counts a commit's result. The records stay until `removeAll`.
  mutating func settle(
    _ result: Result<Void, QuarryError>, counting figures: inout PolicyFigures
  ) throws(QuarryError) {
    if failures > 0 { figures.writesRetried += 1 }
    switch result {
    case .success:
      figures = stored(figures)
      failures = 0
    case .failure(let error):
      figures.writesFailed += 1
      failures += 1
      throw error
    }
  }

  /// The figures once these records are stored.
  func stored(_ figures: PolicyFigures) -> PolicyFigures {
    var figures = figures
    figures.writesSucceeded += 1
    figures.eventsPersisted += events
    figures.artifactsPersisted += records.artifactCount
    return figures
  }

  mutating func removeAll() {
    records.removeAll()
    (events, failures) = (0, 0)
  }
}
