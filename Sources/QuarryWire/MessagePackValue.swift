/// Any MessagePack value as a tree. Off the path of events: for tests and tools.
package enum MessagePackValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  /// Above `Int64.max`.
  case unsigned(UInt64)
  case double(Double)
  case string(String)
  case binary([UInt8])
  case array([MessagePackValue])
  /// Pairs in their order; keys of any type.
  case map([Pair])
  case `extension`(type: Int8, [UInt8])

  package struct Pair: Sendable, Equatable {
    package var key: MessagePackValue
    package var value: MessagePackValue

    package init(_ key: MessagePackValue, _ value: MessagePackValue) {
      self.key = key
      self.value = value
    }
  }

  package var encoded: [UInt8] {
    var writer = MessagePackWriter()
    write(to: &writer)
    return writer.bytes
  }

  package func write(to writer: inout MessagePackWriter) {
    switch self {
    case .null: writer.null()
    case .bool(let value): writer.bool(value)
    case .integer(let value): writer.integer(value)
    case .unsigned(let value): writer.unsigned(value)
    case .double(let value): writer.double(value)
    case .string(let value): writer.string(value)
    case .binary(let value): writer.binary(value)
    case .array(let elements):
      writer.array(count: elements.count)
      for element in elements { element.write(to: &writer) }
    case .map(let pairs):
      writer.map(count: pairs.count)
      for pair in pairs {
        pair.key.write(to: &writer)
        pair.value.write(to: &writer)
      }
    case .extension(let type, let bytes): writer.extension(type: type, bytes)
    }
  }

  /// - Throws: `WireError` for anything that is not exactly one value.
  package init(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    var reader = MessagePackReader(bytes)
    self = try Self.read(from: &reader, depth: 0)
    guard reader.isAtEnd else { throw WireError(.undecodable, "bytes follow the value") }
  }

  private static func read(from reader: inout MessagePackReader, depth: Int) throws(WireError) -> MessagePackValue {
    guard depth <= MessagePackReader.maximumDepth else { throw MessagePackReader.tooDeep }
    switch try reader.next() {
    case .null: return .null
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .unsigned(let value): return .unsigned(value)
    case .double(let value): return .double(value)
    case .string(let bytes): return .string(String(decoding: bytes, as: UTF8.self))
    case .binary(let bytes): return .binary(Array(bytes))
    case .extension(let type, let bytes): return .extension(type: type, Array(bytes))
    case .array(let count):
      var elements: [MessagePackValue] = []
      for _ in 0..<count { elements.append(try read(from: &reader, depth: depth + 1)) }
      return .array(elements)
    case .map(let count):
      var pairs: [Pair] = []
      for _ in 0..<count {
        let key = try read(from: &reader, depth: depth + 1)
        pairs.append(Pair(key, try read(from: &reader, depth: depth + 1)))
      }
      return .map(pairs)
    }
  }
}
