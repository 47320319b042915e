import QuarryCore

/// What a streaming run holds: the records that fill up, those that a flush took, and those whose flush failed.
///
/// Shared between the run's thread, which appends and asks for flushes, and the thread that flushes. At most two sets
/// of records exist; storage takes them in the order of their records.
struct StreamBuffer {
  /// What one of the two sets may hold.
  let bounds: StreamingPolicy.Bounds
  private(set) var figures = PolicyFigures()
  /// Why the last flush failed; nil after one that did not.
  private(set) var failure: QuarryError?
  private var filling: PendingRecords
  /// Empty; nil while the other set is being stored or is kept after a failure.
  private var spare: PendingRecords?
  /// Failed; older than everything in `filling`.
  private var kept: PendingRecords?
  /// Why the next flush is due.
  private(set) var due: StreamingPolicy.Trigger?
  /// Somebody waits for the next flush, or it may not be late.
  private(set) var isUrgent = false
  private(set) var isFlushing = false
  /// The run is over.
  private var isLast = false
  private(set) var isClosed = false

  init(batch: RecordBatch, bounds: StreamingPolicy.Bounds) {
    self.bounds = bounds
    filling = PendingRecords(batch)
    spare = PendingRecords(batch)
    figures.flushTriggers = FlushTriggers()
  }

  /// A flush is due and none is under way, or there is nothing more to come.
  var mustAct: Bool { isClosed || due != nil }

  /// No flush is under way or due.
  var isAtRest: Bool { !isFlushing && due == nil }

  /// Some records are in no flush.
  var hasWaiting: Bool { kept != nil || !filling.isEmpty }

  /// Events that a flush which began now would take for the first time.
  var waitingEvents: Int { filling.events }

  /// A single record that is larger than the bounds is taken into an empty set, but not beside a flush: two such sets
  /// would be much memory.
  func hasRoom(for bytes: Int) -> Bool {
    if filling.isEmpty { return bytes <= bounds.bytes || !isFlushing }
    return filling.records.recordCount < bounds.records && filling.records.byteCount + bytes <= bounds.bytes
  }

  mutating func append(
    _ kind: RecordClass, _ write: (inout RecordBatch) throws(IngestionFailure) -> Void
  ) throws(IngestionFailure) {
    try filling.append(kind, write)
  }

  /// For the last flush, which is the one that is due, or which the run's end asks for; while none is under way.
  /// - Returns: false, and nothing is appended, when nothing waits or what failed does.
  mutating func appendClosing(_ closing: ClosingRecord) -> Bool {
    guard kept == nil else { return false }
    var figures = figures
    Self.count(due ?? .termination, in: &figures)
    return filling.appendClosing(closing, after: figures)
  }

  /// After that flush failed.
  mutating func removeClosing() { kept?.removeClosing() }

  /// Makes a flush due. Of several reasons for one flush the first counts, unless the script had to wait for it.
  mutating func ask(for trigger: StreamingPolicy.Trigger) {
    if due == nil || trigger == .capacity { due = trigger }
    if trigger != .count { isUrgent = true }
  }

  /// The run is over: a flush that is due begins at once, and the next one is the last.
  mutating func hurry() { (isUrgent, isLast) = (true, true) }

  /// Takes back the flush that is due, if one is; nothing begins any more.
  mutating func close() {
    (isClosed, isUrgent) = (true, true)
    due = nil
  }

  // MARK: The flushing thread

  /// - Returns: false when there is nothing more to do, ever.
  mutating func begin() -> Bool {
    guard !isClosed, let trigger = due.take() else { return false }
    isUrgent = false
    Self.count(trigger, in: &figures)
    isFlushing = true
    return true
  }

  mutating func end() { isFlushing = false }

  /// What failed before. In the last flush all else joins what storage has already and only another sink refuses: that
  /// must not keep the rest from storage.
  mutating func takeKept() -> PendingRecords? {
    guard var taken = kept.take() else { return nil }
    if isLast, failure?.kind == .redis {
      taken.append(contentsOf: filling)
      filling.removeAll()
    }
    return taken
  }

  /// All that waits, unless older records stay in front of it.
  mutating func takeFilling() -> PendingRecords? {
    guard !filling.isEmpty, var taken = spare.take() else { return nil }
    swap(&taken, &filling)
    return taken
  }

  /// - Parameter attempted: what was taken; nil afterwards, so that no second reference makes a copy.
  /// - Returns: false when the records are kept for the next flush.
  mutating func settle(_ attempted: inout PendingRecords?, _ result: Result<Void, QuarryError>) -> Bool {
    guard var records = attempted.take() else { return true }
    do throws(QuarryError) {
      try records.settle(result, counting: &figures)
      records.removeAll()
      (spare, failure) = (records, nil)
      return true
    } catch {
      (kept, failure) = (records, error)
      return false
    }
  }

  private static func count(_ trigger: StreamingPolicy.Trigger, in figures: inout PolicyFigures) {
    switch trigger {
    case .count: figures.flushTriggers?.count += 1
    case .interval: figures.flushTriggers?.interval += 1
    case .termination: figures.flushTriggers?.termination += 1
    case .capacity: figures.flushTriggers?.capacity += 1
    }
  }
}
