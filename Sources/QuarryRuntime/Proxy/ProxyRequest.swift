import QuarryCore

/// What is asked of the pools: by flags and configuration for all runs of a command, or by one job for itself.
package struct ProxyRequest: Sendable, Equatable {
  /// nil: runs go without a proxy unless their job asks for one.
  package var pool: String?
  /// nil: the pool's own.
  package var strategy: ProxyStrategy?
  /// nil: made by the pool's sticky scope.
  package var stickyKey: String?
  /// The site's host, where the job's `url` does not say it or another is meant.
  package var domain: String?
  /// `scheme://host:port`, likewise.
  package var origin: String?

  package init(
    pool: String? = nil, strategy: ProxyStrategy? = nil, stickyKey: String? = nil, domain: String? = nil,
    origin: String? = nil
  ) {
    self.pool = pool
    self.strategy = strategy
    self.stickyKey = stickyKey
    self.domain = domain
    self.origin = origin
  }

  /// What a job asks for in its member `proxy` {`pool`, `strategy?`, `sticky_key?`}, the key also as the SDK's types spell
  /// it; a `proxy` without a pool is the script's own affair.
  /// - Throws: `QuarryError(.usage)` naming the member.
  init?(job: JSONValue) throws(QuarryError) {
    guard let asked = job["proxy"], let pool = asked["pool"] else { return nil }
    guard let name = pool.string, !name.isEmpty else { throw Self.wrong("pool", "the name of a pool") }
    let known = ["pool", "strategy", "sticky_key", "stickyKey"]
    if let unknown = asked.object?.keys.filter({ !known.contains($0) }).min() {
      throw QuarryError(
        .usage, "the job's proxy.\(unknown) is not known", remedy: "known there: pool, strategy, sticky_key")
    }
    self.init(pool: name)
    switch asked["strategy"] {
    case nil, .null?: break
    case let given?:
      guard let value = given.string.flatMap(ProxyStrategy.init(rawValue:)) else {
        throw Self.wrong("strategy", "round_robin, random or sticky")
      }
      strategy = value
    }
    switch asked["sticky_key"] ?? asked["stickyKey"] {
    case nil, .null?: break
    case let given?:
      guard let key = given.string, !key.isEmpty else { throw Self.wrong("sticky_key", "a text that is not empty") }
      stickyKey = key
    }
  }

  private static func wrong(_ member: String, _ wanted: String) -> QuarryError {
    QuarryError(
      .usage, "the job's proxy.\(member) must be \(wanted)",
      remedy: #"for example {"proxy":{"pool":"residential","strategy":"sticky","sticky_key":"account-7"}}"#)
  }
}
