/// Where the choices of proxies are remembered. In memory for one process, in Redis for a fleet; both do the same,
/// which one suite of tests holds them to.
package protocol RecencyStore: Sendable {
  /// Chooses an endpoint and, unless it is only a look, marks the choice in the same step. Never waits for an endpoint
  /// to become free.
  /// - Returns: the endpoint's place in `choice.endpoints`.
  func choose(_ choice: ProxyChoice, marks: Bool) async throws(QuarryError) -> Int

  /// Leaves an endpoint out of choices for a while, and takes a sticky key off it. An endpoint that rests already
  /// does not rest shorter.
  func rest(_ rest: ProxyRest) async throws(QuarryError)

  /// What is remembered of a pool; changes nothing.
  func state(of pool: ProxyPool) async throws(QuarryError) -> ProxyPoolState
}

/// What is asked of a pool.
package struct ProxyChoice: Sendable, Equatable {
  package var pool: String
  package var strategy: ProxyStrategy
  /// Names of the endpoints without their passwords, each once, in the pool's order; not empty.
  package var endpoints: [String]
  /// None of the last so many choices is repeated; 0 for no window.
  package var recencyWindow = 0
  package var stickyKey: String?
  /// nil keeps a sticky choice as long as the store keeps any.
  package var stickyTTL: Duration?
  /// Endpoints that rest for this host are passed over, beside those that rest for all.
  package var host: String?

  package init(pool: String, strategy: ProxyStrategy, endpoints: [String]) {
    self.pool = pool
    self.strategy = strategy
    self.endpoints = endpoints
  }
}

/// An endpoint that shall not be chosen for a while.
package struct ProxyRest: Sendable, Equatable {
  /// How long an endpoint rests that failed, or that a script asked to be rotated away from.
  package static let usual = Duration.seconds(300)

  package var pool: String
  package var endpoint: String
  /// nil: for all hosts.
  package var host: String?
  /// Gets another endpoint the next time.
  package var stickyKey: String?
  package var time: Duration

  package init(
    pool: String, endpoint: String, host: String? = nil, stickyKey: String? = nil, time: Duration = usual
  ) {
    self.pool = pool
    self.endpoint = endpoint
    self.host = host
    self.stickyKey = stickyKey
    self.time = time
  }
}

/// What a store remembers of a pool.
package struct ProxyPoolState: Sendable, Equatable {
  package struct Resting: Sendable, Equatable {
    package var endpoint: String
    /// nil: for all hosts.
    package var host: String?
    package var until: Timestamp

    package init(endpoint: String, host: String?, until: Timestamp) {
      self.endpoint = endpoint
      self.host = host
      self.until = until
    }
  }

  /// Place of the endpoint whose turn is next.
  package var roundRobinIndex = 0
  /// Keys that hold an endpoint now.
  package var stickyEntries = 0
  /// Endpoints that the window keeps out now.
  package var recencyFill = 0
  /// Choices that were marked.
  package var choices: Int64 = 0
  /// Times that an endpoint was sent to rest.
  package var rotations: Int64 = 0
  package var lastUsedAt: Timestamp?
  package var resting: [Resting] = []

  package init() {}
}
