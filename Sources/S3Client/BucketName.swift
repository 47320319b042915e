/// What a bucket may be called.
enum BucketName {
  static let rule =
    "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends, and is no IP address; a prefix goes behind a slash"

  /// - Parameter isAWS: other stores have buckets from before these rules, with capitals and underscores.
  static func isValid(_ name: String, isAWS: Bool) -> Bool {
    let bytes = Array(name.utf8)
    guard (3...63).contains(bytes.count), let first = bytes.first, let last = bytes.last else { return false }
    func isPart(_ byte: UInt8) -> Bool {
      isAlphanumeric(byte, isAWS: isAWS) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
        || !isAWS && byte == UInt8(ascii: "_")
    }
    return bytes.allSatisfy(isPart) && isAlphanumeric(first, isAWS: isAWS) && isAlphanumeric(last, isAWS: isAWS)
      && !name.contains("..") && !isAddress(name)
  }

  private static func isAlphanumeric(_ byte: UInt8, isAWS: Bool) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): !isAWS
    default: false
    }
  }

  private static func isAddress(_ name: String) -> Bool {
    let numbers = name.split(separator: ".", omittingEmptySubsequences: false)
    return numbers.count == 4 && numbers.allSatisfy { Int($0) != nil }
  }
}
