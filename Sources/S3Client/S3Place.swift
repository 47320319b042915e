import HTTPClient

/// Where a bucket is, as far as is known by now: it changes when the store says better.
package struct S3Place: Sendable, Equatable {
  let bucket: String
  var region: String
  /// As it was given; nil is AWS.
  let endpoint: S3Endpoint?
  let style: S3Configuration.Style
  /// The host, bucket included where it belongs there, that a redirect named.
  var redirected: S3Endpoint?

  /// - Throws: `S3Error(.configuration)`; `S3Error(.credentials)` when AWS's files cannot be read.
  package init(_ configuration: S3Configuration, _ environment: S3Environment) throws(S3Error) {
    bucket = configuration.bucket
    style = configuration.style
    let profiles = try Profiles(environment)
    if let given = configuration.endpoint {
      endpoint = try S3Endpoint(given)
    } else if let given = try profiles.endpoint(of: "s3") {
      endpoint = try S3Endpoint(given)
    } else {
      endpoint = nil
    }
    region =
      configuration.region ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"]
      ?? profiles[profiles.chosen]?["region"] ?? "us-east-1"
    guard BucketName.isValid(bucket, isAWS: endpoint.map { AWSDomain.holds($0.host) } ?? true) else {
      throw S3Error(.configuration, "use bucket '\(bucket.shown(80))'", BucketName.rule)
    }
    guard Self.isRegion(region) else {
      throw S3Error(.configuration, "use region '\(region)'", "a region's name looks like eu-central-1")
    }
  }

  /// Whether it may become part of a host's name.
  private static func isRegion(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy(isRegionByte) }

  private static func isRegionByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// The address of a key.
  package func url(_ key: String) -> String {
    let (host, path) = target(key)
    return host.text + path
  }

  /// The host to talk to, and the path of a key there. A nil key is the bucket itself.
  func target(_ key: String?) -> (host: S3Endpoint, path: String) {
    let isInPath = isInPath(base)
    let host = redirected ?? (isInPath ? base : base.with(host: "\(bucket).\(base.host)"))
    guard isInPath, !host.host.hasPrefix("\(bucket).") else { return (host, "/" + (key ?? "")) }
    return (host, "/\(bucket)" + (key.map { "/\($0)" } ?? ""))
  }

  var isAWS: Bool { AWSDomain.holds(base.host) }

  /// `https://host[:port]`, without the bucket.
  var address: String { base.text }

  private var base: S3Endpoint {
    endpoint ?? S3Endpoint(isSecure: true, host: "s3.\(region).\(AWSDomain.of(region))", port: nil)
  }

  private func isInPath(_ base: S3Endpoint) -> Bool {
    switch style {
    case .path: true
    case .virtualHost: false
    case .automatic: !base.takesBucketNames || base.isSecure && bucket.contains(".")
    }
  }

  /// Takes what the store says about where the bucket is; what is no region's name counts for nothing.
  /// - Returns: whether that is news.
  package mutating func learn(region: String?, location: S3Endpoint?) -> Bool {
    let old = self
    if let region, Self.isRegion(region) { self.region = region }
    // AWS's host follows from the region.
    if endpoint == nil, self != old {
      redirected = nil
    } else if let location, mayLead(to: location) {
      redirected = location
    }
    return self != old
  }

  /// A redirect carries the body and a session's token to somebody else: only from AWS to its S3, or to the host that was
  /// named and those below it; never to another port, which may be another user's, and never out of TLS.
  private func mayLead(to location: S3Endpoint) -> Bool {
    guard location.isSecure || !base.isSecure, location.port == base.port else { return false }
    if isAWS { return AWSDomain.isStore(location.host, of: bucket) }
    return location.host == base.host || location.host.hasSuffix("." + base.host)
  }
}
