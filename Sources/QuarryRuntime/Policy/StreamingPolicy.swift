import QuarryCore

/// Stores by count or time while reading goes on; never drops.
///
/// A trigger only makes a flush due. It begins at once, or as soon as the flush before it is done, on a thread of its
/// own, and takes all that waits by then. Where the count alone asks, storing rests for twice as long as it has
/// just worked (at most `longestRest`): events that come faster than they can be stored then make for larger commits
/// instead of keeping a core from the script. The caller, and with it the script, waits only when there is no room left.
/// Records whose flush failed are kept, stay in front of all later ones, and are tried again at the next trigger.
package final class StreamingPolicy: IngestionPolicy {
  /// What one of the two sets of records may hold. The contract allows 50,000 records and 128 MiB in all; far fewer
  /// bytes are taken, because a run with artifacts must fit in 64 MiB with everything else.
  package struct Bounds: Sendable {
    package var records = 25_000
    package var bytes: Int

    package init(bytes: Int) { self.bytes = bytes }
  }

  enum Trigger { case count, interval, termination, capacity }

  /// In nanoseconds.
  private static let longestRest: UInt64 = 10_000_000
  /// How long storing rests, as a multiple of the time that it took.
  private static let restShare: UInt64 = 2

  /// Unchecked as in `StreamIngestion`: it is looked at for each event, on the run's own thread.
  @exclusivity(unchecked) package private(set) var nextDeadline: UInt64?
  private let buffer: Monitor<StreamBuffer>
  private let sink: any EventSink
  private let flushCount: Int
  private let flushInterval: UInt64?
  private let clock: () -> UInt64

  /// - Parameters:
  ///   - batch: empty, made for the run.
  ///   - flushCount: events that wait when a flush is due; nil for no such trigger.
  ///   - flushInterval: how long an event waits at most; nil for no such trigger.
  ///   - clock: monotonic, in nanoseconds.
  package init(
    batch: RecordBatch, sink: any EventSink, flushCount: Int?, flushInterval: Duration?, bounds: Bounds,
    clock: @escaping () -> UInt64
  ) {
    buffer = Monitor(StreamBuffer(batch: batch, bounds: bounds))
    self.sink = sink
    self.flushCount = flushCount ?? .max
    self.flushInterval = flushInterval.map { UInt64(max(1, $0.milliseconds)) * 1_000_000 }
    self.clock = clock
    OwnThread.start { [buffer] in Self.flush(buffer, into: sink) }
  }

  deinit { buffer.change { $0.close() } }

  package var figures: PolicyFigures { buffer.locked { $0.figures } }

  package func append(
    estimate: Int, _ kind: RecordClass, _ write: (inout RecordBatch) throws(IngestionFailure) -> Void
  ) throws(IngestionFailure) {
    var isDue = try appendIfRoom(estimate, kind, write)
    while isDue == nil {
      try makeRoom(for: estimate)
      isDue = try appendIfRoom(estimate, kind, write)
    }
    if nextDeadline == nil { armTimer() }
    if isDue == true { ask(for: .count) }
  }

  /// - Returns: whether the count of events asks for a flush; nil when there is no room.
  private func appendIfRoom(
    _ estimate: Int, _ kind: RecordClass, _ write: (inout RecordBatch) throws(IngestionFailure) -> Void
  ) throws(IngestionFailure) -> Bool? {
    try buffer.locked { buffer throws(IngestionFailure) in
      guard buffer.hasRoom(for: estimate) else { return nil }
      try buffer.append(kind, write)
      return kind.isEvent && buffer.waitingEvents >= flushCount && buffer.due == nil
    }
  }

  /// Returns when a flush has taken what fills the buffer.
  /// - Throws: when storage refuses what is in front of it.
  private func makeRoom(for bytes: Int) throws(IngestionFailure) {
    if buffer.locked({ $0.hasWaiting }) { ask(for: .capacity) }
    let failure = buffer.when({ $0.hasRoom(for: bytes) || $0.isAtRest }) { buffer in
      buffer.hasRoom(for: bytes) ? nil : buffer.failure
    }
    if let failure { throw IngestionFailure(.policy, failure) }
  }

  package func endOfRead() {}

  package func terminated() {
    if buffer.locked({ $0.hasWaiting }) { ask(for: .termination) }
  }

  package func tick() {
    guard let nextDeadline, clock() >= nextDeadline else { return }
    let (isWaiting, isAtRest) = buffer.locked { ($0.hasWaiting, $0.isAtRest) }
    if isWaiting { return ask(for: .interval) }
    if isAtRest { self.nextDeadline = nil } else { armTimer() }
  }

  private func ask(for trigger: Trigger) {
    buffer.change { $0.ask(for: trigger) }
    armTimer()
  }

  private func armTimer() { nextDeadline = flushInterval.map { clock() + $0 } }

  package func finish(closing: ClosingRecord?) throws(IngestionFailure) -> Bool {
    defer { close() }
    // Before the run hurries: what rests until its time comes shall not go without the closing record.
    let isClosing = closing.map { closing in buffer.when({ !$0.isFlushing }) { $0.appendClosing(closing) } } ?? false
    buffer.change { $0.hurry() }
    var isClosed = false
    if isClosing {
      // Once one has failed the record says something wrong.
      if buffer.when({ $0.isAtRest }, { $0.failure == nil }), lastFlush() == nil { return true }
      isClosed = sink.isInDoubt
      if !isClosed { buffer.change { $0.removeClosing() } }
    }
    if let failure = lastFlush() { throw IngestionFailure(.policy, failure) }
    return isClosed
  }

  /// - Returns: why not all of it is stored.
  private func lastFlush() -> QuarryError? {
    if buffer.when({ $0.isAtRest }, { $0.hasWaiting }) { ask(for: .termination) }
    return buffer.when({ $0.isAtRest }, { $0.hasWaiting ? $0.failure : nil })
  }

  package func abandon() { close() }

  /// Waits for the flush that is under way.
  private func close() {
    buffer.change { $0.close() }
    buffer.when({ $0.isAtRest }) { _ in }
    nextDeadline = nil
  }

  // MARK: The thread that stores

  private static func flush(_ buffer: Monitor<StreamBuffer>, into sink: any EventSink) {
    while buffer.when({ $0.mustAct }, { $0.begin() }) {
      let began = StreamIngestion.monotonicNanoseconds()
      if store({ $0.takeKept() }, of: buffer, into: sink) { _ = store({ $0.takeFilling() }, of: buffer, into: sink) }
      buffer.change { $0.end() }
      let taken = StreamIngestion.monotonicNanoseconds() - began
      buffer.pause(for: min(restShare * taken, longestRest), unless: \.isUrgent)
    }
  }

  /// One commit, if there is something to commit.
  /// - Returns: false when storage did not take it.
  private static func store(
    _ take: (inout StreamBuffer) -> PendingRecords?, of buffer: Monitor<StreamBuffer>, into sink: any EventSink
  ) -> Bool {
    // The taking makes room, which the run's thread may wait for.
    var records = buffer.change(take)
    guard let result = records?.attempt(sink) else { return true }
    return buffer.change { $0.settle(&records, result) }
  }
}
