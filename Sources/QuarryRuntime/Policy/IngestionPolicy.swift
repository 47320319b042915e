import QuarryCore

/// Decides when the records of a run are stored. It never changes, reorders or silently loses one.
///
/// Used on the run's own thread; every call may block on storage. After `finish` or `abandon` it is used up.
package protocol IngestionPolicy: AnyObject {
  var figures: PolicyFigures { get }

  /// Takes one record.
  /// - Parameters:
  ///   - estimate: bytes that its line will have, at least roughly; memory is bounded by it.
  ///   - isEvent: false for a chunk of an artifact.
  ///   - write: appends the line; if it throws, nothing has been taken.
  /// - Throws: `.policy` when there is no room and storage does not take what is buffered; what `write` throws.
  func append(
    estimate: Int, isEvent: Bool, _ write: (inout RecordBatch) throws(IngestionFailure) -> Void
  ) throws(IngestionFailure)

  /// All that one read of the executor brought has been appended.
  func endOfRead() throws(IngestionFailure)

  /// The run's terminal event has been appended.
  func terminated() throws(IngestionFailure)

  /// When `tick` wants to be called, in nanoseconds of the policy's clock.
  var nextDeadline: UInt64? { get }

  /// Time has passed.
  func tick() throws(IngestionFailure)

  /// Stores what is left; when it returns, every record taken is acknowledged.
  /// - Throws: `.policy`.
  func finish() throws(IngestionFailure)

  /// Drops what is left; when it returns, nothing more of the run is written.
  func abandon()
}

extension PolicyConfiguration {
  /// - Parameter clock: monotonic, in nanoseconds.
  func makePolicy(batch: RecordBatch, sink: any EventSink, clock: @escaping () -> UInt64) -> any IngestionPolicy {
    switch name {
    case .streaming:
      StreamingPolicy(batch: batch, sink: sink, flushCount: flushCount, flushInterval: flushInterval, clock: clock)
    case .strict, .buffered:
      // A configuration that names `buffered` cannot be made.
      StrictPolicy(batch: batch, sink: sink)
    }
  }
}
