import Crypto

/// AWS Signature Version 4: pure functions of a request, credentials and a point in time.
///
/// Payloads are hashed before they are sent, over TLS too: every body is in memory anyway, since it must be sent again
/// when a connection breaks, and a signed hash makes the server refuse what arrived damaged.
package struct SigV4: Sendable {
  static let algorithm = "AWS4-HMAC-SHA256"

  package let region: String
  /// `s3` or `sts`.
  package let service: String

  package init(region: String, service: String) {
    self.region = region
    self.service = service
  }

  /// - Returns: the value of the `Authorization` header.
  package func authorization(_ request: CanonicalRequest, _ credentials: S3Credentials, at time: UTCTime) -> String {
    let signature = HMAC<SHA256>.authenticationCode(
      for: Array(stringToSign(request, at: time).utf8), using: key(credentials.secretKey, at: time))
    return "\(Self.algorithm) Credential=\(credentials.accessKey)/\(scope(at: time)), "
      + "SignedHeaders=\(request.signedHeaders), Signature=\(Hex.text(signature))"
  }

  package func stringToSign(_ request: CanonicalRequest, at time: UTCTime) -> String {
    let hash = Hex.text(SHA256.hash(data: Array(request.text.utf8)))
    return "\(Self.algorithm)\n\(time.compact)\n\(scope(at: time))\n\(hash)"
  }

  private func scope(at time: UTCTime) -> String { "\(time.day)/\(region)/\(service)/aws4_request" }

  private func key(_ secret: String, at time: UTCTime) -> SymmetricKey {
    var key = SymmetricKey(data: Array("AWS4\(secret)".utf8))
    for step in [time.day, region, service, "aws4_request"] {
      key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(step.utf8), using: key))
    }
    return key
  }
}

enum Hex {
  private static let digits = Array("0123456789abcdef".utf8)

  static func text(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
