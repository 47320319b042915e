import PercentEncoding

/// A request in the one form that both sides hash.
package struct CanonicalRequest: Sendable {
  package struct Pair: Sendable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  let method: String
  /// Begins with a slash; not escaped, and not normalised: in S3 `a//b/..` is a key like any other.
  let path: String
  /// Not escaped, in any order.
  let query: [Pair]
  /// All that is signed, in any order: `host` and `x-amz-date` are to be among them.
  let headers: [Pair]
  /// SHA-256 of the body in hex.
  let payloadHash: String

  package init(method: String, path: String, query: [Pair], headers: [Pair], payloadHash: String) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.payloadHash = payloadHash
  }

  /// What stands in the request line.
  package var target: String { escapedPath + (query.isEmpty ? "" : "?" + escapedQuery) }

  package var text: String {
    let lines = folded.map { "\($0.name):\($0.value)\n" }.joined()
    return "\(method)\n\(escapedPath)\n\(escapedQuery)\n\(lines)\n\(signedHeaders)\n\(payloadHash)"
  }

  var signedHeaders: String { folded.map(\.name).joined(separator: ";") }

  private var escapedPath: String { PercentEncoding.escape(path, keepsSlashes: true) }

  private var escapedQuery: String {
    query.map { (PercentEncoding.escape($0.name), PercentEncoding.escape($0.value)) }
      .sorted { ($0.0, $0.1) < ($1.0, $1.1) }
      .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
  }

  /// Names in lower case and in order; values of one name joined, each without needless spaces.
  private var folded: [Pair] {
    var values: [String: [String]] = [:]
    for header in headers { values[header.name.lowercased(), default: []].append(Self.squeezed(header.value)) }
    return values.sorted { $0.key < $1.key }.map { Pair(name: $0.key, value: $0.value.joined(separator: ",")) }
  }

  private static func squeezed(_ value: String) -> String {
    value.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
  }
}

extension PercentEncoding {
  /// As the signature wants it: a space is `%20`.
  static func escape(_ text: String, keepsSlashes: Bool = false) -> String {
    escape(text) { unreserved.contains($0) || keepsSlashes && $0 == UInt8(ascii: "/") }
  }

  private static let unreserved = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
}
