import Crypto

/// Identity of a piece of derived work, for deduplication.
package enum Fingerprint {
  /// SHA-256 of the target, a zero byte and the parameters as canonical JSON. `source` and `category` are hints
  /// about where the result goes and are not part of it.
  /// - Returns: 32 bytes.
  package static func of(target: String, canonicalParams: String) -> [UInt8] {
    var hash = SHA256()
    hash.update(data: Array(target.utf8))
    hash.update(data: [0 as UInt8])
    hash.update(data: Array(canonicalParams.utf8))
    return Array(hash.finalize())
  }

  /// SHA-256 of a script's bytes, in lower-case hex: how a fleet knows that two machines hold the same script.
  package static func ofContent(_ bytes: [UInt8]) -> String {
    SHA256.hash(data: bytes).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }
}
