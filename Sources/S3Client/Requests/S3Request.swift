import Crypto
import HTTPClient

/// One request to the bucket, before it is signed.
struct S3Request: Sendable {
  /// For messages: `put`.
  let verb: String
  let method: String
  /// Nil is the bucket itself.
  let key: String?
  private(set) var query: [CanonicalRequest.Pair] = []
  private(set) var headers: [CanonicalRequest.Pair] = []
  private(set) var body: [UInt8] = []
  private(set) var payloadHash = Self.emptyHash
  /// Whether a 200 may hold an error: S3 begins to answer before it is done with an upload's parts or many deletions.
  var mayFailLate = false

  private static let emptyHash = Hex.text(SHA256.hash(data: [UInt8]()))

  init(_ verb: String, _ method: String, key: String? = nil) {
    self.verb = verb
    self.method = method
    self.key = key
  }

  mutating func ask(_ name: String, _ value: String = "") {
    query.append(CanonicalRequest.Pair(name: name, value: value))
  }

  mutating func set(_ name: String, _ value: String) {
    headers.append(CanonicalRequest.Pair(name: name, value: value))
  }

  mutating func carry(_ bytes: [UInt8]) {
    body = bytes
    payloadHash = Hex.text(SHA256.hash(data: bytes))
  }

  /// For a body that no signature may go without.
  mutating func carryWithDigest(_ bytes: [UInt8]) {
    carry(bytes)
    set("Content-MD5", Base64.text(Insecure.MD5.hash(data: bytes)))
  }

  mutating func require(_ condition: S3Condition) {
    switch condition {
    case .absent: set("If-None-Match", "*")
    case .matches(let etag): set("If-Match", etag)
    }
  }

  var isReading: Bool { method == "GET" || method == "HEAD" }

  /// To be written over what nobody could name: a store would take that for no condition.
  var lacksETag: Bool { headers.contains { $0.name == "If-Match" && $0.value.isEmpty } }
}

/// What an object must be like for a write to happen.
package enum S3Condition: Sendable, Equatable {
  /// There is none.
  case absent
  /// It is the one that this ETag belongs to, as S3 gave it: in quotes.
  case matches(String)
}

/// The answer of a request that succeeded.
struct S3Answer: Sendable {
  let head: HTTPHead
  /// Empty when it was consumed in pieces.
  let body: [UInt8]
}

enum Base64 {
  private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func text(_ bytes: some Sequence<UInt8>) -> String {
    let bytes = Array(bytes)
    var out: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
      for place in 0..<4 {
        out.append(place > group.count ? UInt8(ascii: "=") : digits[Int(bits >> (18 - 6 * UInt32(place))) & 63])
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}
