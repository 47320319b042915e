import QuarryCore

/// What makes two pieces of work the same.
package enum WorkIdentity {
  /// First 16 bytes, in hex, of SHA-256 over target and canonical parameters; over the key alone when one is given.
  package static func fingerprint(target: String, params: String, dedupKey: String?) -> String {
    let hash =
      dedupKey.map { Fingerprint.of(target: "", canonicalParams: $0) }
      ?? Fingerprint.of(target: target, canonicalParams: params)
    return hash.prefix(16).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }

  /// The id of the task that a piece of work becomes: the same whoever derives it, and however often. A Redis that has lost
  /// its last second, or all, makes no second task of a page that the ledger already has.
  ///
  /// It carries the time of the job's root, which its parent has too, and for the rest a hash in the place of chance.
  /// - Parameters:
  ///   - fingerprint: of the work, in hex.
  ///   - parent: the task that derived it.
  package static func taskID(of fingerprint: String, job: String, under parent: String) -> String {
    var words = HashWords(Fingerprint.of(target: job, canonicalParams: fingerprint))
    return UUIDv7.make(milliseconds: UUIDv7.milliseconds(of: parent) ?? 0, using: &words)
  }

  /// The words of a hash, one after the other.
  private struct HashWords: RandomNumberGenerator {
    private var bytes: ArraySlice<UInt8>

    init(_ hash: [UInt8]) { bytes = hash[...] }

    mutating func next() -> UInt64 {
      defer { bytes = bytes.dropFirst(8) }
      return bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
  }
}

/// Which host a piece of work is charged to.
package enum WorkHost {
  /// The host of `params.url`, else `params.host`; nil when neither names one.
  package static func of(params: JSONValue) -> String? {
    (params["url"]?.string).flatMap(host(ofURL:)) ?? (params["host"]?.string).map(normalise)
  }

  /// Lower case, without a port, at most 255 bytes; two ports of one machine are one host.
  package static func normalise(_ text: String) -> String {
    var host = Substring(text)
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
      host = host[...end]
    } else if let colon = host.firstIndex(of: ":"), host.lastIndex(of: ":") == colon {
      host = host[..<colon]
    }
    return String(String(decoding: host.utf8.prefix(255), as: UTF8.self).lowercased())
  }

  /// Whether a URL could have it as its host: no space or control character, and nothing that ends a host or quotes one.
  package static func isName(_ host: String) -> Bool {
    !host.isEmpty
      && host.unicodeScalars.allSatisfy {
        $0.value > 0x20 && !(0x7f...0xa0).contains($0.value) && !"/?#@\\\"'<>`{}|^%".unicodeScalars.contains($0)
      }
  }

  private static func host(ofURL url: String) -> String? {
    guard let scheme = url.range(of: "://") else { return nil }
    let authority = url[scheme.upperBound...].prefix { !"/?#\\".contains($0) }
    let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
    let name = normalise(String(host))
    return name.isEmpty ? nil : name
  }
}

extension String {
  /// Range of the first occurrence of an ASCII text.
  fileprivate func range(of text: String) -> Range<Index>? {
    var from = startIndex
    while from < endIndex {
      if self[from...].hasPrefix(text) { return from..<index(from, offsetBy: text.count) }
      from = index(after: from)
    }
    return nil
  }
}
