import QuarryCore

/// What the metrics of runs say of one pool of proxies.
package struct ProxyFigures: Sendable, Equatable {
  package let pool: String
  /// Runs that were given one of its proxies.
  package private(set) var requests: Int64 = 0
  /// Those of them that failed by their proxy; nil where no record says.
  package private(set) var failures: Int64?
  /// Those whose script asked for another one.
  package private(set) var rotations: Int64 = 0
  /// When the last of them ended.
  package private(set) var lastUsedAt: Timestamp?

  init(pool: String) { self.pool = pool }

  mutating func add(_ record: JSONValue) {
    requests += 1
    rotations = rotations &+| (record["rotate_proxy_total"]?.integer ?? 0)
    if let more = record["proxy_failures_total"]?.integer { failures = (failures ?? 0) &+| more }
    guard let time = record["ts"]?.string.flatMap({ Timestamp($0) }) else { return }
    lastUsedAt = max(lastUsedAt ?? time, time)
  }
}

/// The pools that metrics name.
package struct ProxyTally: Sendable {
  private var pools: [String: ProxyFigures] = [:]

  package init() {}

  package mutating func add(_ record: JSONValue) {
    guard let pool = record["proxy_pool"]?.string else { return }
    pools[pool, default: ProxyFigures(pool: pool)].add(record)
  }

  package var byName: [ProxyFigures] { pools.values.sorted { $0.pool < $1.pool } }
}
