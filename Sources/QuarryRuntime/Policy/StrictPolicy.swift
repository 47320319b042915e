import QuarryCore

/// Nothing more is read from the executor until all that was read is in storage. What one read brought is one commit.
package final class StrictPolicy: IngestionPolicy {
  package private(set) var figures = PolicyFigures()
  private var pending: PendingRecords
  private let sink: any EventSink

  /// - Parameter batch: empty, made for the run.
  package init(batch: RecordBatch, sink: any EventSink) {
    pending = PendingRecords(batch)
    self.sink = sink
  }

  package func append(
    estimate: Int, _ kind: RecordClass, _ write: (inout RecordBatch) throws(IngestionFailure) -> Void
  ) throws(IngestionFailure) {
    try pending.append(kind, write)
  }

  package func endOfRead() throws(IngestionFailure) { try store() }

  package func terminated() {}

  package var nextDeadline: UInt64? { nil }

  package func tick() {}

  /// What a bad frame left unstored, or what could not be stored before, gets one more try.
  package func finish(closing: ClosingRecord?) throws(IngestionFailure) -> Bool {
    guard let closing, pending.appendClosing(closing, after: figures) else {
      try store()
      return false
    }
    do throws(QuarryError) { try pending.store(in: sink, counting: &figures) } catch {
      let isVisible = sink.isInDoubt
      if !isVisible { pending.removeClosing() }
      try store()
      return isVisible
    }
    return true
  }

  package func abandon() {}

  private func store() throws(IngestionFailure) {
    guard !pending.isEmpty else { return }
    do throws(QuarryError) {
      try pending.store(in: sink, counting: &figures)
    } catch {
      throw IngestionFailure(.policy, error)
    }
  }
}
