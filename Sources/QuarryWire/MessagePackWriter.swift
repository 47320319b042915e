import QuarryCore

/// Appends MessagePack, each value in its shortest form. For acks and for values that are not on the path of events.
package struct MessagePackWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func null() { bytes.append(0xC0) }

  package mutating func bool(_ value: Bool) { bytes.append(value ? 0xC3 : 0xC2) }

  package mutating func integer(_ value: Int64) {
    guard value < 0 else { return unsigned(UInt64(value)) }
    switch value {
    case (-32)...: bytes.append(UInt8(bitPattern: Int8(value)))
    case Int64(Int8.min)...: tagged(0xD0, Int8(value))
    case Int64(Int16.min)...: tagged(0xD1, Int16(value))
    case Int64(Int32.min)...: tagged(0xD2, Int32(value))
    default: tagged(0xD3, value)
    }
  }

  package mutating func unsigned(_ value: UInt64) {
    switch value {
    case 0...0x7F: bytes.append(UInt8(value))
    case ...0xFF: tagged(0xCC, UInt8(value))
    case ...0xFFFF: tagged(0xCD, UInt16(value))
    case ...0xFFFF_FFFF: tagged(0xCE, UInt32(value))
    default: tagged(0xCF, value)
    }
  }

  package mutating func double(_ value: Double) { tagged(0xCB, value.bitPattern) }

  package mutating func string(_ value: String) {
    let utf8 = value.utf8
    switch utf8.count {
    case 0...31: bytes.append(0xA0 | UInt8(utf8.count))
    default: lengthTagged([0xD9, 0xDA, 0xDB], utf8.count)
    }
    bytes.append(contentsOf: utf8)
  }

  package mutating func binary(_ value: some Collection<UInt8>) {
    lengthTagged([0xC4, 0xC5, 0xC6], value.count)
    bytes.append(contentsOf: value)
  }

  package mutating func array(count: Int) {
    if count <= 15 { bytes.append(0x90 | UInt8(count)) } else { lengthTagged([nil, 0xDC, 0xDD], count) }
  }

  /// Follow it with `count` keys, each followed by its value.
  package mutating func map(count: Int) {
    if count <= 15 { bytes.append(0x80 | UInt8(count)) } else { lengthTagged([nil, 0xDE, 0xDF], count) }
  }

  package mutating func `extension`(type: Int8, _ value: some Collection<UInt8>) {
    let fixed: [Int: UInt8] = [1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8]
    if let tag = fixed[value.count] { bytes.append(tag) } else { lengthTagged([0xC7, 0xC8, 0xC9], value.count) }
    bytes.append(UInt8(bitPattern: type))
    bytes.append(contentsOf: value)
  }

  /// - Parameter tags: for a length of one byte, two and four; nil where the format has none.
  private mutating func lengthTagged(_ tags: [UInt8?], _ length: Int) {
    if let tag = tags[0], length <= 0xFF { return tagged(tag, UInt8(length)) }
    if let tag = tags[1], length <= 0xFFFF { return tagged(tag, UInt16(length)) }
    if let tag = tags[2] { tagged(tag, UInt32(length)) }
  }

  private mutating func tagged<Number: FixedWidthInteger>(_ tag: UInt8, _ value: Number) {
    bytes.append(tag)
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }
}

extension MessagePackWriter {
  /// What was written, as one frame with its length prefix.
  package var frame: [UInt8] {
    withUnsafeBytes(of: UInt32(bytes.count).bigEndian) { Array($0) } + bytes
  }
}

/// The runtime's answer to a file write.
package enum FileWriteAck {
  /// One frame with its prefix.
  /// - Parameter error: why the file was not stored; nil when it was.
  package static func frame(writeID: UInt32, error: String? = nil) -> [UInt8] {
    var writer = MessagePackWriter()
    writer.map(count: error == nil ? 3 : 4)
    writer.string("type")
    writer.string("file_write_ack")
    writer.string("write_id")
    writer.unsigned(UInt64(writeID))
    writer.string("ok")
    writer.bool(error == nil)
    if let error {
      writer.string("error")
      writer.string(error)
    }
    return writer.frame
  }
}
