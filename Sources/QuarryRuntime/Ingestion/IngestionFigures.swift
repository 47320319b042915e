import QuarryCore

/// What was counted while the events of a run came in.
package struct IngestionFigures: Sendable, Equatable {
  /// Events of all types, terminal ones included; chunks, files and run results are not events.
  package var eventsReceived = 0
  /// `item` events among them.
  package var items = 0
  /// `enqueue` events that should have derived work and named none.
  package var enqueuesRejected = 0
  package var artifacts = Artifacts()
  /// Frames that could not be decoded: 0 or 1, since the first ends the run.
  package var decodeErrors = 0
  /// Sidecar files stored and refused.
  package var filesStored = 0
  package var filesFailed = 0
  package var policy = PolicyFigures()
  /// Of each event sink, where there are several.
  package var sinks: [SinkFigures] = []

  package struct Artifacts: Sendable, Equatable {
    /// Artifacts of which at least one chunk came.
    package var total = 0
    /// Those that storage has acknowledged whole, their commit event among it.
    package var committed = 0
    package var chunks = 0
    /// Raw bytes of all chunks.
    package var bytes: Int64 = 0
    /// Those that are not whole in storage, so far.
    package var orphaned: Int { total - committed }
  }

  package init() {}

  /// Also what storage alone has of a batch that another mandatory sink refused.
  package var eventsPersisted: Int { max(policy.eventsPersisted, lode?.eventsWritten ?? 0) }
  package var droppedByType: [String: Int] { policy.droppedByType }
  package var eventsDropped: Int { policy.droppedByType.values.reduce(0, +) }
  /// Of storage; what the policy counts is all sinks together.
  package var writesSucceeded: Int { (lode?.writesSucceeded ?? policy.writesSucceeded) + filesStored }
  package var writesFailed: Int { (lode?.writesFailed ?? policy.writesFailed) + filesFailed }
  private var lode: SinkFigures? { sinks.first { $0.name == "lode" } }
  package var writesRetried: Int { policy.writesRetried }
  package var flushTriggers: FlushTriggers? { policy.flushTriggers }
}

/// What a policy did with the events it was given.
package struct PolicyFigures: Sendable, Equatable {
  /// Events that storage has acknowledged.
  package var eventsPersisted = 0
  /// Events among them that commit an artifact.
  package var artifactsPersisted = 0
  package var droppedByType: [String: Int] = [:]
  /// Commits.
  package var writesSucceeded = 0
  package var writesFailed = 0
  /// Commits tried again after they had failed; each also counts as succeeded or failed.
  package var writesRetried = 0
  /// Only of a policy that flushes on triggers.
  package var flushTriggers: FlushTriggers?

  package init() {}
}

/// How many flushes each trigger caused.
package struct FlushTriggers: Sendable, Equatable {
  package var count = 0
  package var interval = 0
  package var termination = 0
  package var capacity = 0

  package init() {}
}
