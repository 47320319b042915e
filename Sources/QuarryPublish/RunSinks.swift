import QuarryCore
import Synchronization

/// The event sinks of one run as one: each batch goes to storage, then to the stream.
///
/// A mandatory stream and storage do not wait for each other: what one of them refuses, the other has all the same, and
/// when the batch is written again only who lacks it gets it. A best-effort stream shows what is stored.
package final class RunSinks: EventSink {
  /// How storage is used beside other sinks.
  package struct Storage: Sendable {
    /// False leaves events to the other sinks; artifacts, with their events, and metrics are stored all the same.
    package var takesEvents: Bool
    package var delivery: SinkDelivery
    /// Spares best-effort runs the waiting for storage that refuses.
    package var breaker: CircuitBreaker

    package init(takesEvents: Bool, delivery: SinkDelivery, breaker: CircuitBreaker) {
      self.takesEvents = takesEvents
      self.delivery = delivery
      self.breaker = breaker
    }
  }

  private let lode: any EventSink
  private let storage: Storage
  private let stream: StreamSink?
  private let warn: @Sendable (String) -> Void
  private let lodeFigures: Mutex<SinkFigures>
  /// Lines at the front of the next batch with events that are in storage already, since the stream alone refused them.
  private let stored = Mutex<RecordBatch.Mark?>(nil)

  package init(
    lode: any EventSink, storage: Storage, stream: StreamSink?, warn: @escaping @Sendable (String) -> Void
  ) {
    self.lode = lode
    self.storage = storage
    self.stream = stream
    self.warn = warn
    lodeFigures = Mutex(SinkFigures(name: "lode", delivery: storage.delivery))
  }

  package var figures: [SinkFigures] { [lodeFigures.withLock { $0 }] + (stream.map { [$0.figures] } ?? []) }

  package func write(_ batch: RecordBatch) throws(QuarryError) {
    // Chunks and metrics alone are no matter of the stream, and so never half done.
    guard let stream, batch.eventCount > 0 else { return try store(batch) }
    let refusal = Self.refusal { () throws(QuarryError) in
      try store(stored.withLock { $0 }.map(batch.dropping) ?? batch)
    }
    if stream.delivery == .mandatory || refusal == nil {
      if refusal == nil { stored.withLock { $0 = batch.mark } }
      let lack = Self.refusal { () throws(QuarryError) in try stream.write(batch) }
      if let lack { throw refusal.map { Self.both($0, lack) } ?? lack }
    }
    if let refusal { throw refusal }
    stored.withLock { $0 = nil }
  }

  private static func refusal(of write: () throws(QuarryError) -> Void) -> QuarryError? {
    do throws(QuarryError) {
      try write()
      return nil
    } catch {
      return error
    }
  }

  private static func both(_ storage: QuarryError, _ stream: QuarryError) -> QuarryError {
    QuarryError(storage.kind, "\(storage.message); and \(stream.message)", remedy: storage.remedy ?? stream.remedy)
  }

  package func endWaiting(within limit: Duration) { stream?.endWaiting(within: limit) }

  package func putFile(name: String, contentType: String, data: UnsafeRawBufferPointer) throws(QuarryError) {
    try lode.putFile(name: name, contentType: contentType, data: data)
  }

  /// Artifacts and metrics go to storage whatever becomes of events: an artifact is never there in part.
  private func store(_ batch: RecordBatch) throws(QuarryError) {
    if storage.takesEvents, storage.delivery == .mandatory { return try storeEvents(batch) }
    let kept = batch.keeping(eventTypes: Self.kept)
    if !kept.isEmpty {
      try lode.write(kept)
      lodeFigures.withLock { $0.artifactsWritten += kept.artifactCount }
    }
    guard storage.takesEvents else { return }
    try storeEvents(batch.keeping(eventTypes: Set(batch.groups.map(\.eventType)).subtracting(Self.kept)))
  }

  private static let kept: Set<String> = ["artifact", "metrics"]

  private func storeEvents(_ batch: RecordBatch) throws(QuarryError) {
    guard !batch.isEmpty else { return }
    guard storage.delivery == .mandatory || storage.breaker.allows() else {
      return lodeFigures.withLock { figures in
        figures.writesSkipped += 1
        figures.eventsLost += batch.eventCount
      }
    }
    do throws(QuarryError) {
      try lode.write(batch)
      storage.breaker.succeeded()
      lodeFigures.withLock { figures in
        figures.writesSucceeded += 1
        figures.eventsWritten += batch.eventCount
        figures.artifactsWritten += batch.artifactCount
      }
    } catch {
      try refused(batch, error)
    }
  }

  private func refused(_ batch: RecordBatch, _ error: QuarryError) throws(QuarryError) {
    let isFirst = lodeFigures.withLock { figures in
      figures.writesFailed += 1
      if storage.delivery == .bestEffort { figures.eventsLost += batch.eventCount }
      return figures.writesFailed == 1
    }
    guard storage.delivery == .bestEffort else { throw error }
    storage.breaker.failed()
    if isFirst { warn("events are missing in storage: \(error.message)") }
  }
}
