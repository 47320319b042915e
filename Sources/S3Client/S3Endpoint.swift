import HTTPClient

/// Scheme, host and port of a store.
struct S3Endpoint: Sendable, Hashable {
  let isSecure: Bool
  let host: String
  /// Nil for the scheme's own.
  let port: Int?

  /// - Throws: `S3Error(.configuration)` for what is not `http[s]://host[:port]`; its message does not repeat it.
  init(_ text: String) throws(S3Error) {
    let bare = text.hasSuffix("/") ? String(text.dropLast()) : text
    do throws(HTTPError) {
      let address = try HTTPAddress(bare)
      guard bare.lowercased() == address.origin.lowercased(), let parts = Self.parts(bare.lowercased()) else {
        throw HTTPError("a user, path or query stands in it")
      }
      self = parts
    } catch {
      throw S3Error(
        .configuration, "use the endpoint", "\(error.message); write it as https://host or https://host:port")
    }
  }

  init(isSecure: Bool, host: String, port: Int?) {
    self.isSecure = isSecure
    self.host = host
    self.port = port
  }

  private static func parts(_ origin: String) -> S3Endpoint? {
    let isSecure = origin.hasPrefix("https://")
    let rest = origin.dropFirst(isSecure ? 8 : 7)
    let hostEnd = rest.hasPrefix("[") ? rest.firstIndex(of: "]").map(rest.index(after:)) : rest.firstIndex(of: ":")
    let host = String(rest[..<(hostEnd ?? rest.endIndex)])
    let tail = rest[(hostEnd ?? rest.endIndex)...]
    guard !tail.isEmpty else { return S3Endpoint(isSecure: isSecure, host: host, port: nil) }
    guard let port = Int(tail.dropFirst()) else { return nil }
    return S3Endpoint(isSecure: isSecure, host: host, port: port == (isSecure ? 443 : 80) ? nil : port)
  }

  /// As it stands in the `Host` header.
  var authority: String { host + (port.map { ":\($0)" } ?? "") }
  var text: String { "\(isSecure ? "https" : "http")://\(authority)" }

  func with(host: String) -> S3Endpoint { S3Endpoint(isSecure: isSecure, host: host, port: port) }

  /// Whether a bucket may stand before the host's name: not before an address, or a name without a domain.
  var takesBucketNames: Bool {
    !host.hasPrefix("[") && host.contains(".") && !host.split(separator: ".").allSatisfy { UInt8($0) != nil }
  }
}

/// The domains of AWS's partitions.
enum AWSDomain {
  static func of(_ region: String) -> String {
    switch true {
    case region.hasPrefix("cn-"): "amazonaws.com.cn"
    case region.hasPrefix("eusc-"): "amazonaws.eu"
    default: "amazonaws.com"
    }
  }

  static func holds(_ host: String) -> Bool {
    ["amazonaws.com", "amazonaws.com.cn", "amazonaws.eu"].contains { host.lowercased().hasSuffix("." + $0) }
  }
}
