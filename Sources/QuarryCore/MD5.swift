import Crypto

/// The checksum that the Lode format knows. It tells damage, not intent.
package enum MD5 {
  package static func hex(_ bytes: UnsafeRawBufferPointer) -> String {
    var hash = Insecure.MD5()
    hash.update(bufferPointer: bytes)
    return hex(hash.finalize())
  }

  package static func hex(_ digest: Insecure.MD5Digest) -> String {
    digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
