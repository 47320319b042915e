import QuarryCore

/// MessagePack to JSON text without a tree in between.
///
/// Binary becomes standard base64, the timestamp extension RFC 3339 in UTC; integers stay exact in every width and
/// whole floats lose their `.0`; what is not UTF-8 becomes U+FFFD. A key that is not a string and any other extension
/// are `.undecodable`, NaN and infinities `.notFinite`.
extension JSONWriter {
  /// Appends one whole value.
  package mutating func value(_ messagePack: UnsafeRawBufferPointer) throws(WireError) {
    var reader = MessagePackReader(messagePack)
    try value(from: &reader, depth: 0)
    guard reader.isAtEnd else { throw WireError(.undecodable, "bytes follow the value") }
  }

  mutating func value(from reader: inout MessagePackReader, depth: Int) throws(WireError) {
    guard depth <= MessagePackReader.maximumDepth else { throw MessagePackReader.tooDeep }
    if reader.isAtShortContainer, depth < MessagePackReader.maximumDepth - OpenContainers.most {
      return try shortContainer(from: &reader, depth: depth)
    }
    switch try reader.next() {
    case .null: try raw("null")
    case .bool(let value): try bool(value)
    case .integer(let value): try integer(value)
    case .unsigned(let value): try unsigned(value)
    case .double(let value): try double(value)
    case .string(let bytes): try string(bytes, slack: reader.remaining)
    case .binary(let bytes): try base64(bytes)
    case .array(let count): try array(count, from: &reader, depth: depth)
    case .map(let count): try map(count, from: &reader, depth: depth)
    case .extension(let type, let bytes):
      guard type == WireTime.extensionType else {
        throw WireError(.undecodable, "the MessagePack extension type \(type) is unknown")
      }
      try string(WireTime.text(bytes))
    }
  }

  private mutating func array(_ count: Int, from reader: inout MessagePackReader, depth: Int) throws(WireError) {
    try byte(UInt8(ascii: "["))
    for index in 0..<count {
      if index > 0 { try byte(UInt8(ascii: ",")) }
      try value(from: &reader, depth: depth + 1)
    }
    try byte(UInt8(ascii: "]"))
  }

  private mutating func map(_ count: Int, from reader: inout MessagePackReader, depth: Int) throws(WireError) {
    try byte(UInt8(ascii: "{"))
    for index in 0..<count {
      if index > 0 { try byte(UInt8(ascii: ",")) }
      try key(from: &reader)
      try byte(UInt8(ascii: ":"))
      try value(from: &reader, depth: depth + 1)
    }
    try byte(UInt8(ascii: "}"))
  }

  mutating func key(from reader: inout MessagePackReader) throws(WireError) {
    let key = try reader.nextKey()
    try string(key, slack: reader.remaining)
  }
}
