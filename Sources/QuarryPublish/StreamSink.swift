import QuarryCore
import RedisClient
import Synchronization

/// The live events of one run, on their way to the stream. What is in the stream already is not sent again when the
/// same batch is written again.
package final class StreamSink: Sendable {
  private struct State {
    var figures: SinkFigures
    /// `seq` of the last event that is in the stream, or lost for it.
    var lastSeq: Int64 = 0
    var hasWarned = false
  }

  private let publisher: StreamPublisher
  private let warn: @Sendable (String) -> Void
  private let state: Mutex<State>

  /// - Parameter warn: told once that events are lost; by a run that finds the stream away already it is not told again.
  package init(_ publisher: StreamPublisher, warn: @escaping @Sendable (String) -> Void) {
    self.publisher = publisher
    self.warn = warn
    state = Mutex(State(figures: SinkFigures(name: "redis", delivery: publisher.options.delivery)))
  }

  package var delivery: SinkDelivery { publisher.options.delivery }
  package var figures: SinkFigures { state.withLock { $0.figures } }

  func endWaiting(within limit: Duration) { publisher.endWaiting(within: limit) }

  /// Sends the events of a batch in the order of their emission.
  /// - Throws: only for a mandatory sink.
  package func write(_ batch: RecordBatch) throws(QuarryError) {
    guard batch.eventCount > 0 else { return }
    switch delivery {
    case .mandatory: try writeAll(batch)
    case .bestEffort: writeSome(batch)
    }
  }

  private func writeAll(_ batch: RecordBatch) throws(QuarryError) {
    let entries = StreamEntry.entries(of: batch, after: state.withLock { $0.lastSeq })
    let result = publisher.append(entries, patience: .full)
    take(result, of: entries)
    guard let failure = result.failure else { return }
    let reason = publisher.hasEnded ? "it had not answered when the run was stopped" : failure.message
    throw QuarryError(
      .redis, "events were not written to \(publisher.destination): \(reason)",
      remedy: failure.remedy
        ?? "see to that Redis, or let the run go on without it: --event-sink-redis-delivery best_effort")
  }

  private func writeSome(_ batch: RecordBatch) {
    let isProbe = publisher.breaker.isOpen
    guard !publisher.hasEnded, publisher.breaker.allows() else {
      return state.withLock { state in
        state.figures.writesSkipped += 1
        state.figures.eventsLost += batch.eventCount
      }
    }
    let entries = StreamEntry.entries(of: batch, after: state.withLock { $0.lastSeq })
    let result = publisher.append(entries, patience: isProbe ? .little : .untilOutage)
    take(result, of: entries)
    guard let failure = result.failure else { return publisher.breaker.succeeded() }
    publisher.breaker.failed(isOutage: failure.isOutage)
    let isFirst = state.withLock { state in
      state.figures.eventsLost += entries.count - result.written
      state.lastSeq = entries.last?.seq ?? state.lastSeq
      defer { state.hasWarned = true }
      return !state.hasWarned && !isProbe
    }
    if isFirst { warn("events are missing in \(publisher.destination): \(failure.message)") }
  }

  private func take(_ result: StreamPublisher.Result, of entries: [StreamEntry]) {
    state.withLock { state in
      state.figures.eventsWritten += result.written
      state.figures.mayHaveMore = state.figures.mayHaveMore || result.mayHaveMore
      state.figures.writesRetried += result.retries
      if result.failure == nil { state.figures.writesSucceeded += 1 } else { state.figures.writesFailed += 1 }
      if result.written > 0 { state.lastSeq = entries[result.written - 1].seq }
    }
  }
}

extension StreamPublisher {
  /// Says that a run, whose entries may be in the stream, does not count: its task goes to another. Tried with all
  /// retries whatever failed before, as the failure may be what made the run not count, and once more when the process
  /// ends meanwhile.
  /// - Returns: why the entry could not be written; nil when it was.
  package func supersede(_ task: TaskAssignment, partition: RunPartition, reason: String) -> String? {
    var payload: [UInt8] = [UInt8(ascii: "{")]
    JSONText.appendMember("reason", reason, to: &payload)
    payload.append(UInt8(ascii: "}"))
    let fields: [RedisArgument] = [
      "run_id", .text(task.runID), "event_type", "run_superseded", "seq", "0",
      "timestamp", .text(Timestamp.now().text()), "source", .text(partition.source),
      "category", .text(partition.category), "payload", .bytes(payload), "event_id", .text(UUIDv7.make()),
      "attempt", .text(String(task.attempt)), "job_id", .text(task.jobID), "task_id", .text(task.taskID),
      "epoch", .text(String(task.epoch)),
    ]
    let entry = StreamEntry(seq: 0, fields: fields, size: payload.count)
    let isEnding = hasEnded
    var result = append([entry], patience: isEnding ? .last : .full)
    if !isEnding, hasEnded, result.failure != nil { result = append([entry], patience: .last) }
    guard let failure = result.failure else {
      breaker.succeeded()
      return nil
    }
    breaker.failed(isOutage: failure.isOutage)
    return failure.message
  }
}
