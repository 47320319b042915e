/// One reply of the server (RESP2).
package enum RedisReply: Sendable, Hashable {
  case null
  case integer(Int64)
  /// A simple string, such as `OK`.
  case status(String)
  /// Binary-safe.
  case bulk([UInt8])
  /// An error as a value: inside a pipeline's replies or inside an array.
  case error(String)
  case array([RedisReply])
}

extension RedisReply {
  package var isNull: Bool { self == .null }
  package var isOK: Bool { self == .status("OK") }

  /// A bulk or simple string as UTF-8 (invalid bytes become U+FFFD), an integer in digits.
  package var text: String? {
    switch self {
    case .bulk(let bytes): String(decoding: bytes, as: UTF8.self)
    case .status(let text): text
    case .integer(let value): String(value)
    case .null, .error, .array: nil
    }
  }

  package var bytes: [UInt8]? {
    switch self {
    case .bulk(let bytes): bytes
    case .status(let text): Array(text.utf8)
    case .null, .integer, .error, .array: nil
    }
  }

  /// An integer, also one that stands in a string (as scripts and hashes give them).
  package var int: Int64? {
    if case .integer(let value) = self { value } else { text.flatMap { Int64($0) } }
  }

  package var elements: [RedisReply]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  package var errorText: String? {
    if case .error(let text) = self { text } else { nil }
  }

  /// A flat array of names and values, as HGETALL and stream entries give them; nil for anything else.
  package var fields: [String: RedisReply]? {
    guard let elements, elements.count.isMultiple(of: 2) else { return nil }
    var fields: [String: RedisReply] = [:]
    for index in stride(from: 0, to: elements.count, by: 2) {
      guard let name = elements[index].text else { return nil }
      fields[name] = elements[index + 1]
    }
    return fields
  }

  /// The element at `index`, or nil when this is not an array or is shorter.
  package subscript(_ index: Int) -> RedisReply? {
    guard let elements, elements.indices.contains(index) else { return nil }
    return elements[index]
  }
}
