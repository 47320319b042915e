import HTTPClient

/// Scheme, host and port of a store.
package struct S3Endpoint: Sendable, Hashable {
  let isSecure: Bool
  let host: String
  /// Nil for the scheme's own.
  let port: Int?

  /// - Throws: `S3Error(.configuration)` for what is not `http[s]://host[:port]`; its message does not repeat it.
  package init(_ text: String) throws(S3Error) {
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

  init(_ given: ConfiguredEndpoint) throws(S3Error) {
    do throws(S3Error) { try self.init(given.text) } catch {
      throw S3Error(
        .configuration, "\(error.operation) of \(given.source)", error.reason,
        advice: "correct it there, or name another with --storage-endpoint")
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

  static func holds(_ host: String) -> Bool { service(host) != nil }

  /// Whether it is one of S3's hosts (`s3.REGION`, `s3-REGION`, `s3.dualstack.REGION`), and not that of somebody who rents
  /// another name below the domain.
  static func isStore(_ host: String, of bucket: String) -> Bool {
    guard let service = service(host) else { return false }
    let own = service.hasPrefix("\(bucket).") ? String(service.dropFirst(bucket.utf8.count + 1)) : service
    let labels = own.split(separator: ".", omittingEmptySubsequences: false).filter { $0 != "dualstack" }
    switch labels.first {
    case "s3", "s3-fips", "s3-accelerate": return labels.count <= 2
    case let label?: return label.hasPrefix("s3-") && labels.count == 1
    case nil: return false
    }
  }

  /// What stands before the domain; nil for a host that is not AWS's.
  private static func service(_ host: String) -> String? {
    let host = host.lowercased()
    let domain = ["amazonaws.com", "amazonaws.com.cn", "amazonaws.eu"].first { host.hasSuffix("." + $0) }
    return domain.map { String(host.dropLast($0.utf8.count + 1)) }
  }
}
