/// Whether the failure of an event sink may fail the run.
package enum SinkDelivery: String, Sendable, CaseIterable {
  /// What it does not take ends the run as `policy_failure`.
  case mandatory
  /// What it does not take is lost for it, counted, and warned of.
  case bestEffort = "best_effort"
}

/// What one of several event sinks did during a run.
package struct SinkFigures: Sendable, Equatable {
  /// `lode` or `redis`.
  package var name: String
  package var delivery: SinkDelivery
  /// Events that the sink has acknowledged.
  package var eventsWritten = 0
  /// An answer was lost: the sink may have events that it has not acknowledged.
  package var mayHaveMore = false
  /// Artifacts that it has whole; only of storage.
  package var artifactsWritten = 0
  /// Events that it will never have; only of best effort.
  package var eventsLost = 0
  package var writesSucceeded = 0
  package var writesFailed = 0
  /// Tries of a write after its first.
  package var writesRetried = 0
  /// Writes that were not tried, because the sink had just failed.
  package var writesSkipped = 0

  package init(name: String, delivery: SinkDelivery) {
    self.name = name
    self.delivery = delivery
  }

  /// Names and values as the metrics record has them.
  package var counters: [(name: StaticString, value: Int)] {
    [
      ("events_written_total", eventsWritten), ("events_lost_total", eventsLost),
      ("write_success_total", writesSucceeded), ("write_failure_total", writesFailed),
      ("write_retry_total", writesRetried), ("write_skipped_total", writesSkipped),
    ]
  }
}
