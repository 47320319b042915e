import QuarryCore

/// What `quarry coordinator` is asked to crawl: the root task, its limits, and how its tasks are retried.
package struct JobRequest: Sendable, Equatable {
  /// Made (UUIDv7) when absent. A repeat with the same id changes nothing.
  package var jobID: String?
  /// The root's script: a path from the working directory, or relative to the script root.
  package var script: String
  package var scriptRoot: String
  /// A JSON object, as text; the root run's `job`.
  package var params = "{}"
  /// First part of the partition of all records; derived work without its own inherits it.
  package var source: String
  package var category = "default"
  /// As its flags say it, for example `strict` or `streaming flush-count=500`.
  package var policy = "strict"
  /// `high`, `default` or `low`.
  package var lane = "default"
  package var host: String?
  /// Greatest distance from the root at which derived work is admitted; 0 admits none.
  package var depth = 0
  /// Most tasks ever admitted, the root included; nil for no limit.
  package var maxRuns: Int?
  /// A run that takes longer is stopped and burns an attempt; nil for no limit.
  package var timeout: Duration?
  package var timing = LeaseTiming()
  package var retries = RetryBudgets()
  package var politeness = Politeness()
  package var storage: StorageIdentity

  package init(script: String, scriptRoot: String, source: String, storage: StorageIdentity) {
    self.script = script
    self.scriptRoot = scriptRoot
    self.source = source
    self.storage = storage
  }
}

/// How often a task may fail in each way, and how long it then waits; all waits with full jitter.
package struct RetryBudgets: Sendable, Equatable {
  /// Runs that end in a script error or a timeout.
  package var attempts = 4
  /// Doubles with each try.
  package var attemptBase = Duration.seconds(5)
  package var attemptCap = Duration.seconds(600)
  /// Runs whose executor or worker died after the first frame.
  package var crashes = 3
  /// Grows fourfold with each try.
  package var crashBase = Duration.seconds(15)
  /// Runs that the site refused.
  package var blocks = 10
  /// Grows fourfold with each try.
  package var blockBase = Duration.seconds(2)
  package var blockCap = Duration.seconds(86_400)

  package init() {}
}
