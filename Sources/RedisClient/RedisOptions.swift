/// How a connection behaves.
package struct RedisOptions: Sendable {
  /// Shown by `CLIENT LIST`; no spaces.
  package var name: String
  /// From the first packet to the end of the login; also how long a lookup of the host's name may stay unanswered.
  package var connectTimeout: Duration = .seconds(5)
  /// Deadline of a call that names none: from the call to its reply.
  package var callTimeout: Duration = .seconds(5)
  /// False makes the first failure final: all later calls fail as closed.
  package var reconnects = true
  /// Pause before the first attempt after a failure; it doubles up to `longestPause`, each with full jitter above
  /// half of it.
  package var firstPause: Duration = .milliseconds(100)
  package var longestPause: Duration = .seconds(20)

  /// Counts what all connections with these options do.
  package var tally: RedisTally?

  package init(name: String = "quarry", tally: RedisTally? = nil) {
    self.name = name
    self.tally = tally
  }
}
