import QuarryCore
import RedisClient

/// What is asked of a pool of proxies that the whole fleet shares.
package struct ProxyChoice: Sendable, Equatable {
  package enum Strategy: String, Sendable {
    case roundRobin = "round_robin"
    case random, sticky
  }
  package var pool: String
  package var strategy: Strategy
  /// Names of the endpoints without their passwords, each once, in the pool's order; not empty.
  package var endpoints: [String]
  /// None of the last so many choices is repeated; 0 for no window.
  package var recencyWindow = 0
  package var stickyKey: String?
  /// nil keeps a sticky choice for 30 days.
  package var stickyTTL: Duration?
  /// Endpoints in cool-down for this host are passed over.
  package var host: String?

  package init(pool: String, strategy: Strategy, endpoints: [String]) {
    self.pool = pool
    self.strategy = strategy
    self.endpoints = endpoints
  }
}

extension FleetQueue {
  /// Chooses an endpoint and, unless it is only a look, marks the choice in the same step.
  /// - Returns: the endpoint's place in `endpoints`.
  package func chooseProxy(_ choice: ProxyChoice, marks: Bool = true, requestID: String) async throws(QuarryError)
    -> Int
  {
    guard !choice.endpoints.isEmpty else { throw QuarryError(.usage, "pool '\(choice.pool)' has no endpoints") }
    try Self.check(choice.pool, as: "pool")
    let arguments: [RedisArgument] = [
      .text(choice.pool), .text(choice.strategy.rawValue), marks ? 1 : 0, .integer(Int64(choice.recencyWindow)),
      .text(choice.stickyKey ?? ""), .integer(choice.stickyTTL?.milliseconds ?? 0),
      .text(choice.host.map(WorkHost.normalise) ?? ""), .integer(Self.seed()),
    ]
    let reply = try await call(.proxyChoose, arguments + choice.endpoints.map { .text($0) }, requestID: requestID)
    guard let place = reply[0]?.int, choice.endpoints.indices.contains(Int(place)) else {
      throw Self.unexpected(reply, from: "proxy_choose")
    }
    return Int(place)
  }

  /// Keeps an endpoint from a host for a while, after a failure there; a longer cool-down is never shortened.
  package func coolDownProxy(
    pool: String, endpoint: String, host: String, for time: Duration
  ) async throws(QuarryError) {
    _ = try await call(
      .proxyCool, [.text(pool), .text(endpoint), .text(WorkHost.normalise(host)), .integer(time.milliseconds)])
  }
}
