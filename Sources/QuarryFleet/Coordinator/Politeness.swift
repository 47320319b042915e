import QuarryCore

/// How gently a job treats the hosts that it visits, and how much of the fleet it takes; nil for no bound.
package struct Politeness: Sendable, Equatable {
  /// Most tasks, of whichever job, that run on a host at once.
  package var hostConcurrency: Int?
  /// Least time between the starts of two tasks, of whichever job, on a host.
  package var hostDelay: Duration?
  /// Most tasks that the job is ever given for one host; retries never count.
  package var hostMaxPages: Int?
  /// A host's starts are spaced by how long it takes to answer.
  package var autoThrottle = false
  /// Most tasks of the job that run at once.
  package var jobConcurrency: Int?

  package init() {}

  /// What is not said here is as `other` has it.
  package func filled(from other: Politeness) -> Politeness {
    var politeness = self
    politeness.hostConcurrency = hostConcurrency ?? other.hostConcurrency
    politeness.hostDelay = hostDelay ?? other.hostDelay
    politeness.hostMaxPages = hostMaxPages ?? other.hostMaxPages
    politeness.autoThrottle = autoThrottle || other.autoThrottle
    politeness.jobConcurrency = jobConcurrency ?? other.jobConcurrency
    return politeness
  }

  /// The fields of a job in Redis, 0 for no bound. They may be set to something else at any time.
  var fields: [(name: String, value: Int64)] {
    [
      ("host_slots", Int64(hostConcurrency ?? 0)), ("host_gap_ms", hostDelay?.milliseconds ?? 0),
      ("host_max_pages", Int64(hostMaxPages ?? 0)), ("auto_throttle", autoThrottle ? 1 : 0),
      ("concurrency", Int64(jobConcurrency ?? 0)),
    ]
  }

  init(_ fields: Fields) {
    func bound(_ name: String) -> Int? { fields.int(name) == 0 ? nil : fields.int(name) }
    hostConcurrency = bound("host_slots")
    hostDelay = bound("host_gap_ms").map { .milliseconds($0) }
    hostMaxPages = bound("host_max_pages")
    autoThrottle = fields.int("auto_throttle") == 1
    jobConcurrency = bound("concurrency")
  }

  /// A host keeps its last start for two days.
  package static let longestDelay = Duration.seconds(86_400)

  /// - Throws: `QuarryError(.usage)` for a bound below 1, and for a delay of more than a day.
  func check() throws(QuarryError) {
    for (name, bound) in [
      ("host concurrency", hostConcurrency), ("host max pages", hostMaxPages), ("job concurrency", jobConcurrency),
    ] where bound ?? 1 < 1 {
      throw QuarryError(.usage, "\(name) \(bound ?? 0) is below 1")
    }
    guard let delay = hostDelay else { return }
    guard delay > .zero, delay <= Self.longestDelay else {
      throw QuarryError(.usage, "a host delay of \(delay.milliseconds) ms is not between 0 and a day")
    }
  }
}
