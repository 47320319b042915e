import QuarryCore

/// Holds records in a bounded buffer and stores them in few large commits.
///
/// When the buffer is full, records that may be dropped are dropped, counted by type and noted; any other makes room by
/// a flush, which the caller waits for. The event that ends the run has room always: the last flush follows it at once, and
/// is not to be two. A flush writes artifact chunks first, then all else; `FlushMode` says what it
/// leaves when it fails halfway.
package final class BufferedPolicy: IngestionPolicy {
  /// What may wait. One record that is larger is taken into an empty buffer.
  package struct Bounds: Sendable {
    package var events: Int
    /// Bytes of lines, chunks of artifacts among them.
    package var bytes: Int

    package init(events: Int?, bytes: Int) {
      self.events = events ?? .max
      self.bytes = bytes
    }
  }

  package private(set) var figures = PolicyFigures()
  private var current: BufferedRecords
  /// two_phase: what a failed flush left; nothing is added to it.
  private var older: BufferedRecords?
  private var drops: DropNotes
  /// Why the last flush failed; nil after one that did not.
  private var lastFailure: QuarryError?

  private let sink: any EventSink
  private let bounds: Bounds
  private let mode: FlushMode
  private let empty: BufferedRecords
  private let onNote: (String) -> Void

  /// - Parameters:
  ///   - batch: empty, made for the run.
  ///   - onNote: told that events are dropped, and of a flush that will be tried again.
  ///   - onLoss: told in the end how many were dropped.
  package init(
    batch: RecordBatch, sink: any EventSink, bounds: Bounds, mode: FlushMode, onNote: @escaping (String) -> Void,
    onLoss: @escaping (String) -> Void
  ) {
    empty = BufferedRecords(batch)
    current = empty
    drops = DropNotes(onNote, onLoss: onLoss)
    self.sink = sink
    self.bounds = bounds
    self.mode = mode
    self.onNote = onNote
    figures.flushTriggers = FlushTriggers()
  }

  package func append(
    estimate: Int, _ kind: RecordClass, _ write: (inout RecordBatch) throws(IngestionFailure) -> Void
  ) throws(IngestionFailure) {
    // The line of a chunk is large and as long as estimated, so that it is not written twice: room is made before it.
    if kind == .chunk, !isEmpty, byteCount + estimate > bounds.bytes, let failure = flushed(for: \.capacity) {
      throw IngestionFailure(.policy, failure)
    }
    try current.append(kind, write)
    // Known only now: the bytes are those of the line itself.
    guard isOver, kind != .terminal, let line = current.removeLast(kind) else { return }
    guard !isEmpty else { return current.append(line, kind) }
    if case .droppable(let type) = kind { return drop(type) }
    let failure = flushed(for: \.capacity)
    // Also after a failure: the last flush may still store it.
    current.append(line, kind)
    if let failure { throw IngestionFailure(.policy, failure) }
  }

  package func endOfRead() {}

  package func terminated() {
    if let failure = flushed(for: \.termination) {
      onNote("a flush failed and will be tried once more: \(failure.message)")
    }
  }

  package var nextDeadline: UInt64? { nil }

  package func tick() {}

  package func finish(closing: ClosingRecord?) throws(IngestionFailure) -> Bool {
    defer { drops.tellTotal() }
    joinBehindWhatIsStored()
    count(\.termination)
    var isClosed = false
    if older == nil, let closing, current.appendClosing(closing, after: figures) {
      guard flushed() != nil else { return true }
      isClosed = sink.isInDoubt
      if !isClosed { removeClosing() }
    }
    if let failure = flushed() { throw IngestionFailure(.policy, failure) }
    return isClosed
  }

  private func removeClosing() {
    if older == nil { current.removeClosing() } else { older?.removeClosing() }
  }

  package func abandon() {
    drops.tellTotal()
    (current, older) = (empty, nil)
  }

  /// What only another sink than storage refuses must not keep the rest from storage at the run's end.
  private func joinBehindWhatIsStored() {
    guard lastFailure?.kind == .redis, var joined = older.take() else { return }
    joined.append(contentsOf: current)
    current = joined
  }

  // MARK: Room

  private var isEmpty: Bool { current.isEmpty && older == nil }

  private var byteCount: Int { current.byteCount + (older?.byteCount ?? 0) }

  private var isOver: Bool {
    current.events.events + (older?.events.events ?? 0) > bounds.events || byteCount > bounds.bytes
  }

  private func drop(_ type: String) {
    figures.droppedByType[type, default: 0] += 1
    drops.add(type)
  }

  // MARK: Flushing

  private func flushed(for trigger: WritableKeyPath<FlushTriggers, Int>) -> QuarryError? {
    count(trigger)
    return flushed()
  }

  private func count(_ trigger: WritableKeyPath<FlushTriggers, Int>) {
    if !isEmpty { figures.flushTriggers?[keyPath: trigger] += 1 }
  }

  /// - Returns: why not all of it is stored.
  private func flushed() -> QuarryError? {
    do throws(QuarryError) {
      try flush()
      lastFailure = nil
    } catch {
      lastFailure = error
    }
    return lastFailure
  }

  private func flush() throws(QuarryError) {
    if var unfinished = older.take() {
      defer { if !unfinished.isEmpty { older = unfinished } }
      try unfinished.store(in: sink, mode, counting: &figures)
    }
    do throws(QuarryError) {
      try current.store(in: sink, mode, counting: &figures)
    } catch {
      if mode == .twoPhase { (older, current) = (current, empty) }
      throw error
    }
  }
}
