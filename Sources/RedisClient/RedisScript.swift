import Crypto

/// A Lua script, known to the server by the SHA-1 of its text.
package struct RedisScript: Sendable, Hashable {
  package let source: String
  /// 40 lower-case hex digits, as `SCRIPT LOAD` answers.
  package let sha1: String

  package init(_ source: String) {
    self.source = source
    sha1 = Insecure.SHA1.hash(data: Array(source.utf8))
      .map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }

  package static func == (left: RedisScript, right: RedisScript) -> Bool { left.sha1 == right.sha1 }
  package func hash(into hasher: inout Hasher) { hasher.combine(sha1) }

  var loadCommand: RedisCommand { ["SCRIPT", "LOAD", .text(source)] }
}
