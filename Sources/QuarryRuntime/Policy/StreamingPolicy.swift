import QuarryCore

/// Stores by count or time while reading goes on; never drops.
///
/// One set of records fills while another is stored on a second thread. When the filling set is full, or a trigger
/// comes while the other is still being stored, the caller waits, and with it the script. Records whose flush failed
/// are kept, stay in front of all later ones, and are tried again at the next trigger.
package final class StreamingPolicy: IngestionPolicy {
  /// What one of the two sets may hold. The contract allows 50,000 records and 128 MiB in all; far fewer bytes are
  /// taken, because a run with artifacts must fit in 64 MiB with everything else.
  package struct Bounds: Sendable {
    package var records = 25_000
    package var bytes = 4 << 20

    package init() {}
  }

  private enum Trigger { case count, interval, termination, capacity }

  package private(set) var figures = PolicyFigures()
  package private(set) var nextDeadline: UInt64?
  private var filling: PendingRecords
  /// Empty; nil while the other set is being stored or is kept after a failure.
  private var spare: PendingRecords?
  /// Failed; older than everything in `filling`.
  private var kept: PendingRecords?
  private var eventsSinceTrigger = 0
  private var triggers = FlushTriggers() { didSet { figures.flushTriggers = triggers } }

  private let sink: any EventSink
  private let thread: FlushThread
  private let flushCount: Int
  private let flushInterval: UInt64?
  private let bounds: Bounds
  private let clock: () -> UInt64

  /// - Parameters:
  ///   - batch: empty, made for the run.
  ///   - flushCount: events after which it flushes; nil for no such trigger.
  ///   - flushInterval: how long an event waits at most; nil for no such trigger.
  ///   - clock: monotonic, in nanoseconds.
  package init(
    batch: RecordBatch, sink: any EventSink, flushCount: Int?, flushInterval: Duration?, bounds: Bounds = Bounds(),
    clock: @escaping () -> UInt64
  ) {
    filling = PendingRecords(batch)
    spare = PendingRecords(batch)
    self.sink = sink
    self.flushCount = flushCount ?? .max
    self.flushInterval = flushInterval.map { UInt64(max(1, $0.milliseconds)) * 1_000_000 }
    self.bounds = bounds
    self.clock = clock
    thread = FlushThread(sink: sink)
    figures.flushTriggers = triggers
    thread.start()
  }

  deinit { thread.close() }

  package func append(
    estimate: Int, isEvent: Bool, _ write: (inout RecordBatch) throws(IngestionFailure) -> Void
  ) throws(IngestionFailure) {
    if !hasRoom(for: estimate) { try flush(.capacity) }
    try filling.append(isEvent: isEvent, write)
    if nextDeadline == nil { armTimer() }
    guard isEvent else { return }
    eventsSinceTrigger += 1
    if eventsSinceTrigger >= flushCount { try flush(.count) }
  }

  /// A single record that is larger than the bounds is taken into an empty set.
  private func hasRoom(for bytes: Int) -> Bool {
    filling.isEmpty
      || (filling.records.recordCount < bounds.records && filling.records.byteCount + bytes <= bounds.bytes)
  }

  package func endOfRead() {}

  package func terminated() throws(IngestionFailure) {
    if !filling.isEmpty { try flush(.termination) }
  }

  package func tick() throws(IngestionFailure) {
    guard let nextDeadline, clock() >= nextDeadline else { return }
    collect(thread.poll())
    guard kept == nil, filling.isEmpty else { return try flush(.interval) }
    if thread.isBusy { armTimer() } else { self.nextDeadline = nil }
  }

  private func armTimer() { nextDeadline = flushInterval.map { clock() + $0 } }

  /// Hands what is there to the thread. What failed before goes first; while it fails, later records wait behind it.
  /// - Throws: when the buffer is full and storage still refuses.
  private func flush(_ trigger: Trigger) throws(IngestionFailure) {
    count(trigger)
    eventsSinceTrigger = 0
    armTimer()
    collect(thread.wait())
    do throws(QuarryError) {
      try storeKept()
    } catch {
      guard trigger == .capacity else { return }
      throw IngestionFailure(.policy, error)
    }
    guard !filling.isEmpty, let empty = spare.take() else { return }
    thread.submit(filling)
    filling = empty
  }

  private func storeKept() throws(QuarryError) {
    guard var records = kept.take() else { return }
    do throws(QuarryError) {
      try records.store(in: sink, counting: &figures)
      spare = records
    } catch {
      kept = records
      throw error
    }
  }

  private func collect(_ completion: FlushThread.Completion?) {
    guard case (var records, let result)? = completion else { return }
    do throws(QuarryError) {
      try records.settle(result, counting: &figures)
      spare = records
    } catch {
      kept = records
    }
  }

  package func finish() throws(IngestionFailure) {
    defer { thread.close() }
    nextDeadline = nil
    collect(thread.wait())
    guard kept != nil || !filling.isEmpty else { return }
    count(.termination)
    do throws(QuarryError) {
      try storeKept()
      if !filling.isEmpty { try filling.store(in: sink, counting: &figures) }
    } catch {
      throw IngestionFailure(.policy, error)
    }
  }

  package func abandon() {
    nextDeadline = nil
    collect(thread.wait())
    thread.close()
  }

  private func count(_ trigger: Trigger) {
    switch trigger {
    case .count: triggers.count += 1
    case .interval: triggers.interval += 1
    case .termination: triggers.termination += 1
    case .capacity: triggers.capacity += 1
    }
  }
}
