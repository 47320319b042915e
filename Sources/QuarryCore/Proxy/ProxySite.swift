/// Which site a URL belongs to, as far as proxies are chosen by it.
package struct ProxySite: Sendable, Equatable {
  /// Lower case, an IPv6 address in its brackets.
  package let domain: String
  /// `scheme://host:port`, the port also where it is the usual one.
  package let origin: String

  /// - Returns: nil for what has no host, or a scheme without a usual port and none given.
  package init?(url: String) {
    guard let mark = url.firstRange(of: "://"), mark.lowerBound > url.startIndex else { return nil }
    let scheme = url[..<mark.lowerBound].lowercased()
    let authority = url[mark.upperBound...].prefix { !"/?#\\".contains($0) }
    let place = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
    guard let place = HostAndPort(place), let port = place.port ?? Self.usualPorts[scheme] else { return nil }
    domain = place.hostInURL.lowercased()
    origin = "\(scheme)://\(domain):\(port)"
  }

  private static let usualPorts: [String: UInt16] = ["http": 80, "https": 443, "ws": 80, "wss": 443]
}
