/// The few places where targets that must not know each other meet. `QuarryCommands/Assembly` joins them.

/// Where the records of one run go. Runtime writes it, Lode implements it.
///
/// All calls are made from the run's own threads, never from the cooperative pool, so an implementation may block.
package protocol EventSink: Sendable {
  /// Stores all lines of the batch in one commit, in their order. When it returns, they are acknowledged under
  /// the sink's durability. A batch with events that was refused may be tried again, also with more lines after its
  /// own, before any other with events: none of its lines is stored twice.
  /// - Throws: `.redis` when storage has all of it and another mandatory sink does not; else none of it is visible.
  func write(_ batch: RecordBatch) throws(QuarryError)

  /// Stores a sidecar file of the run; it is listed with the next batch that holds a record other than a chunk.
  /// - Throws: `QuarryError(.storage)`; the same filename twice is an error and leaves the first content.
  func putFile(name: String, contentType: String, data: UnsafeRawBufferPointer) throws(QuarryError)

  /// The batch that was refused last is visible all the same, or may be: if it is tried again, then whole.
  var isInDoubt: Bool { get }

  /// What each of the sinks that stand behind this one has done so far; empty for storage alone.
  var figures: [SinkFigures] { get }

  /// The process has been told to end: whatever waits for another program must be over within `limit`. From any
  /// thread; does not block.
  func endWaiting(within limit: Duration)
}

extension EventSink {
  package var isInDoubt: Bool { false }
  package var figures: [SinkFigures] { [] }
  package func endWaiting(within limit: Duration) {}
}

/// Takes the work that a run derives through `enqueue`, at once and before the policy sees the event.
/// The fan-out of one process and the fleet's outbox implement it.
package protocol DerivedWorkSink: Sendable {
  /// Called on the run's own thread, in the order of emission; blocking it blocks the script.
  /// - Throws: when the run is no longer entitled to derive work (its lease is lost, its job cancelled).
  func accept(_ work: DerivedWork) throws(QuarryError)
}

/// One `enqueue` event, as the scheduling side sees it.
package struct DerivedWork: Sendable, Equatable {
  /// 0, 1, 2 … in the order of emission within the run; with the run id it identifies the emission.
  package var index: Int
  package var target: String
  /// A JSON object, as text.
  package var params: String
  package var source: String?
  package var category: String?
  package var options: Options

  package struct Options: Sendable, Equatable {
    /// Milliseconds that `delay_ms` may be: up to 365 days.
    package static let delays = 0...31_536_000_000
    /// Milliseconds that `timeout_ms` may be.
    package static let timeouts = 1...31_536_000_000

    package var lane: String?
    package var delayMilliseconds: Int?
    package var timeoutMilliseconds: Int?
    package var dedupKey: String?
    package var host: String?

    package init(
      lane: String? = nil, delayMilliseconds: Int? = nil, timeoutMilliseconds: Int? = nil, dedupKey: String? = nil,
      host: String? = nil
    ) {
      self.lane = lane
      self.delayMilliseconds = delayMilliseconds
      self.timeoutMilliseconds = timeoutMilliseconds
      self.dedupKey = dedupKey
      self.host = host
    }
  }

  package init(
    index: Int, target: String, params: String, source: String? = nil, category: String? = nil,
    options: Options = Options()
  ) {
    self.index = index
    self.target = target
    self.params = params
    self.source = source
    self.category = category
    self.options = options
  }
}

/// The fleet's own records in the job's dataset: what must outlive Redis. Fleet writes it, Lode implements it.
///
/// Blocking; called from threads of its own. Appends of many callers share one commit.
package protocol Ledger: Sendable {
  /// Appends records (JSON objects as text, without partition keys) under `source=_fleet/category=<fleet>/…/run_id=<jobID>`.
  /// When it returns they are durable.
  func append(_ records: [String], fleet: String, jobID: String) throws(QuarryError)

  /// All records of a job in the order of the snapshot chain, then of their lines.
  func records(fleet: String, jobID: String) throws(QuarryError) -> [String]
}
