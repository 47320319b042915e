import QuarryCore

/// What the buffered policy stores in one flush: the chunks of artifacts, and all other records.
struct BufferedRecords: Sendable {
  private(set) var chunks: PendingRecords
  private(set) var events: PendingRecords

  /// - Parameter batch: empty, made for the run.
  init(_ batch: RecordBatch) {
    chunks = PendingRecords(batch)
    events = PendingRecords(batch)
  }

  var isEmpty: Bool { chunks.isEmpty && events.isEmpty }
  var byteCount: Int { chunks.records.byteCount + events.records.byteCount }

  mutating func append(
    _ kind: RecordClass, _ write: (inout RecordBatch) throws(IngestionFailure) -> Void
  ) throws(IngestionFailure) {
    if kind.isEvent { try events.append(kind, write) } else { try chunks.append(kind, write) }
  }

  /// Takes back what was appended last, which was of this kind.
  mutating func removeLast(_ kind: RecordClass) -> RecordBatch.Line? {
    kind.isEvent ? events.removeLast(kind) : chunks.removeLast(kind)
  }

  mutating func append(_ line: RecordBatch.Line, _ kind: RecordClass) {
    if kind.isEvent { events.append(line, kind) } else { chunks.append(line, kind) }
  }

  mutating func append(contentsOf later: BufferedRecords) {
    chunks.append(contentsOf: later.chunks)
    events.append(contentsOf: later.events)
  }

  /// The same as of `PendingRecords`; chunks alone are not followed.
  mutating func appendClosing(_ closing: ClosingRecord, after figures: PolicyFigures) -> Bool {
    guard chunks.failures == 0 else { return false }
    return events.appendClosing(closing, after: chunks.isEmpty ? figures : chunks.stored(figures))
  }

  mutating func removeClosing() { events.removeClosing() }

  /// Two commits: chunks, then events. What is still here after a throw is what the mode keeps.
  mutating func store(
    in sink: any EventSink, _ mode: FlushMode, counting figures: inout PolicyFigures
  ) throws(QuarryError) {
    if !chunks.isEmpty {
      try chunks.settle(chunks.attempt(sink), counting: &figures)
      if mode != .atLeastOnce { chunks.removeAll() }
    }
    if !events.isEmpty { try events.store(in: sink, counting: &figures) }
    chunks.removeAll()
  }
}
