import QuarryCore

/// Decides when the records of a run are stored. It never changes, reorders or silently loses one.
///
/// Used on the run's own thread; every call may block on storage. After `finish` or `abandon` it is used up.
package protocol IngestionPolicy: AnyObject {
  var figures: PolicyFigures { get }

  /// Takes one record.
  /// - Parameters:
  ///   - estimate: bytes that its line will have, at least roughly; memory is bounded by it.
  ///   - write: appends the line; if it throws, nothing has been taken.
  /// - Throws: `.policy` when there is no room and storage does not take what is buffered; what `write` throws.
  func append(
    estimate: Int, _ kind: RecordClass, _ write: (inout RecordBatch) throws(IngestionFailure) -> Void
  ) throws(IngestionFailure)

  /// All that one read of the executor brought has been appended.
  func endOfRead() throws(IngestionFailure)

  /// The run's terminal event has been appended.
  func terminated() throws(IngestionFailure)

  /// When `tick` wants to be called, in nanoseconds of the policy's clock.
  var nextDeadline: UInt64? { get }

  /// Time has passed.
  func tick() throws(IngestionFailure)

  /// Stores what is left; when it returns, every record taken is acknowledged. What was not tried before is tried twice.
  /// - Parameter closing: goes into the same commit, where there is something left.
  /// - Returns: whether `closing` is stored.
  /// - Throws: `.policy`.
  func finish(closing: ClosingRecord?) throws(IngestionFailure) -> Bool

  /// Drops what is left; when it returns, nothing more of the run is written.
  func abandon()
}

/// Appends a record that is no event behind the last ones of a run. It is told the figures as they are once all of them are
/// stored at the first try; if that fails, it is as if it had not been called, unless it may be visible already.
package typealias ClosingRecord = (PolicyFigures, inout RecordBatch) -> Void

/// What a policy must know of a record.
package enum RecordClass: Sendable, Equatable {
  /// Bytes of an artifact.
  case chunk
  /// An event that must be stored.
  case event
  /// An event that may be dropped, with its type.
  case droppable(String)
  /// The event that ends the run; all that waits is stored next.
  case terminal

  var isEvent: Bool { if case .chunk = self { false } else { true } }
}

extension PolicyConfiguration {
  /// - Parameters:
  ///   - clock: monotonic, in nanoseconds.
  ///   - onNote: told of flushes that are tried again, and that events are dropped.
  ///   - onLoss: told in the end how many were.
  func makePolicy(
    batch: RecordBatch, sink: any EventSink, memory: MemoryShare, clock: @escaping () -> UInt64,
    onNote: @escaping (String) -> Void, onLoss: @escaping (String) -> Void
  ) -> any IngestionPolicy {
    switch name {
    case .strict: StrictPolicy(batch: batch, sink: sink)
    case .streaming:
      StreamingPolicy(
        batch: batch, sink: sink, flushCount: numbers.flushCount, flushInterval: numbers.flushInterval,
        bounds: StreamingPolicy.Bounds(bytes: memory.streamingBytes), clock: clock)
    case .buffered:
      BufferedPolicy(
        batch: batch, sink: sink,
        bounds: BufferedPolicy.Bounds(
          events: numbers.bufferEvents, bytes: numbers.bufferBytes ?? memory.bufferedBytes),
        mode: numbers.flushMode ?? .atLeastOnce, onNote: onNote, onLoss: onLoss)
    }
  }
}
