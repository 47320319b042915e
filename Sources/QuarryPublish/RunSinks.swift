import QuarryCore
import Synchronization

/// The event sinks of one run as one: each batch goes to storage and to the stream.
///
/// A mandatory stream comes first, so that what storage acknowledges is in the stream too, and a batch that the stream
/// refused is in storage once when it is written again. A best-effort stream comes last: it shows what is stored.
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
    if stream?.delivery == .mandatory { try stream?.write(batch) }
    try store(batch)
    if stream?.delivery == .bestEffort { try stream?.write(batch) }
  }

  package func putFile(name: String, contentType: String, data: UnsafeRawBufferPointer) throws(QuarryError) {
    try lode.putFile(name: name, contentType: contentType, data: data)
  }

  /// Artifacts and metrics go to storage whatever becomes of events: an artifact is never there in part.
  private func store(_ batch: RecordBatch) throws(QuarryError) {
    if storage.takesEvents, storage.delivery == .mandatory { return try storeEvents(batch) }
    let kept = batch.keeping(eventTypes: Self.kept)
    if !kept.isEmpty { try lode.write(kept) }
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
