package enum ProxyStrategy: String, Sendable, CaseIterable {
  case roundRobin = "round_robin"
  case random, sticky
}

/// What a sticky choice holds for, and how long.
package struct ProxySticky: Sendable, Equatable {
  package enum Scope: String, Sendable, CaseIterable {
    case job, domain, origin
  }

  package var scope: Scope
  /// From the choice on; nil for as long as the state lives.
  package var ttl: Duration?

  package init(scope: Scope, ttl: Duration? = nil) {
    self.scope = scope
    self.ttl = ttl
  }
}

/// Proxies that are chosen from by one rule.
package struct ProxyPool: Sendable, Equatable {
  /// A round-robin pool of more endpoints than this is warned about.
  package static let manyEndpoints = 50

  package let name: String
  package let strategy: ProxyStrategy
  /// Not empty.
  package let endpoints: [ProxyEndpoint]
  package let sticky: ProxySticky?
  /// None of the last so many choices is repeated; at least 1.
  package let recencyWindow: Int?

  /// - Throws: `ProxyProblem` naming the field.
  package init(
    name: String, strategy: ProxyStrategy, endpoints: [ProxyEndpoint], sticky: ProxySticky? = nil,
    recencyWindow: Int? = nil
  ) throws(ProxyProblem) {
    guard Self.isName(name) else {
      throw ProxyProblem("name", "pool '\(name)' must be named by 1 to 128 of the characters A-Z a-z 0-9 . _ -")
    }
    guard !endpoints.isEmpty else { throw ProxyProblem("endpoints", "'endpoints' must hold at least one endpoint") }
    if let ttl = sticky?.ttl, ttl <= .zero { throw ProxyProblem("ttl_ms", "'ttl_ms' must be more than 0") }
    if let recencyWindow, recencyWindow < 1 {
      throw ProxyProblem("recency_window", "'recency_window' must be more than 0")
    }
    self.name = name
    self.strategy = strategy
    self.endpoints = endpoints
    self.sticky = sticky
    self.recencyWindow = recencyWindow
  }

  /// Names of the endpoints in the pool's order, each once: one that is there twice gets a number.
  package var endpointNames: [String] {
    var seen: [String: Int] = [:]
    return endpoints.map { endpoint in
      let count = seen[endpoint.name, default: 0] + 1
      seen[endpoint.name] = count
      return count == 1 ? endpoint.name : "\(endpoint.name)#\(count)"
    }
  }

  /// What works otherwise than its author may think.
  /// - Parameter strategy: the one in use, where it is not the pool's own.
  package func warnings(for strategy: ProxyStrategy? = nil) -> [String] {
    let strategy = strategy ?? self.strategy
    var warnings: [String] = []
    if endpoints.contains(where: { $0.scheme == .socks5 }) { warnings.append("socks5 is best effort") }
    if strategy == .roundRobin, endpoints.count > Self.manyEndpoints {
      warnings.append("a round_robin pool of \(endpoints.count) endpoints is slow to come round")
    }
    if recencyWindow != nil, strategy != .random {
      warnings.append("recency_window has no effect on \(strategy.rawValue)")
    }
    return warnings.map { "pool '\(name)': \($0)" }
  }

  /// The name is part of keys.
  private static func isName(_ text: String) -> Bool {
    (1...128).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-_.".utf8.contains(byte)
      }
  }
}
