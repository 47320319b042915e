import QuarryCore
import QuarryRuntime

/// Pools of proxies and what is remembered of them, as data; no password.
extension Output {
  static func poolRow(_ pool: ProxyPool) -> Output {
    .record([
      ("name", .string(pool.name)), ("strategy", .string(pool.strategy.rawValue)),
      ("endpoint_cnt", .count(pool.endpoints.count)), ("sticky", .optional(pool.sticky?.scope.rawValue)),
      ("recency_window", .optional(pool.recencyWindow)),
    ])
  }

  static func pool(_ pool: ProxyPool, _ state: ProxyPoolState) -> Output {
    .record([
      Field(name: "name", value: .value(.string(pool.name))),
      Field(name: "strategy", value: .value(.string(pool.strategy.rawValue))),
      Field(name: "endpoint_cnt", value: .value(.count(pool.endpoints.count))),
      Field(name: "sticky", value: pool.sticky.map(sticky) ?? .value(.null)),
      Field(name: "runtime", value: runtime(pool, state)),
      Field(name: "endpoints", value: .list(pool.endpoints.map { tree($0.redacted) })),
    ])
  }

  static func resolved(_ proxy: RunProxy, isCommitted: Bool) -> Output {
    .record([
      Field(name: "endpoint", value: tree(proxy.endpoint.redacted)),
      Field(name: "committed", value: .value(.bool(isCommitted))),
      Field(name: "strategy", value: .value(.string(proxy.strategy.rawValue))),
      Field(name: "sticky_key", value: .value(.optional(proxy.stickyKey))),
    ])
  }

  private static func sticky(_ sticky: ProxySticky) -> Output {
    .record([
      ("scope", .string(sticky.scope.rawValue)), ("ttl_ms", .optional(sticky.ttl.map(\.milliseconds))),
    ])
  }

  private static func runtime(_ pool: ProxyPool, _ state: ProxyPoolState) -> Output {
    var values: [(String, JSONValue)] = [
      ("round_robin_index", .count(state.roundRobinIndex)), ("sticky_entries", .count(state.stickyEntries)),
    ]
    if let window = pool.recencyWindow { values.append(("recency_window", .count(window))) }
    values += [
      ("recency_fill", .count(state.recencyFill)), ("last_used_at", .time(state.lastUsedAt)),
      ("requests", .integer(state.choices)), ("rotations", .integer(state.rotations)),
    ]
    let resting = state.resting.map { rest in
      record([
        ("endpoint", .string(rest.endpoint)), ("host", .optional(rest.host)), ("until", .time(rest.until)),
      ])
    }
    return .record(
      values.map { Field(name: $0.0, value: .value($0.1)) } + [Field(name: "resting", value: .list(resting))])
  }
}
