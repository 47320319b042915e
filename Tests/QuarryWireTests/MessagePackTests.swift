import QuarryWire
import Testing

@Suite struct MessagePackTests {
  @Test(arguments: 0..<400 as Range<UInt64>)
  func anyValueRoundTrips(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let value = MessagePackValue.random(using: &generator)
    #expect(try MessagePackValue(decoding: value.encoded) == value)
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func aValueCutAnywhereIsAnError(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let bytes = MessagePackValue.random(using: &generator).encoded
    for count in 0..<min(bytes.count, 600) {
      #expect(throws: WireError.self) { try MessagePackValue(decoding: Array(bytes[..<count])) }
      #expect(throws: WireError.self) { try skip(Array(bytes[..<count])) }
    }
  }

  @Test func garbageIsAnErrorOrAValueAndNeverMore() {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<20_000 {
      let bytes = generator.bytes(Int.random(in: 0..<64, using: &generator))
      let decoded = try? MessagePackValue(decoding: bytes)
      let skipped = try? skip(bytes)
      #expect((decoded != nil) == (skipped == bytes.count))
      _ = try? json(bytes)
      _ = bytes.withUnsafeBytes { try? Frame($0) }
    }
  }

  /// Each seed flips bytes of a real frame.
  @Test func damagedFramesAreErrorsOrFrames() {
    var generator = SeededGenerator(seed: 2)
    let frame = MessagePackValue.event(payload: .random(using: &generator)).encoded
    for _ in 0..<20_000 {
      var bytes = frame
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8(truncatingIfNeeded: generator.next())
      }
      bytes.withUnsafeBytes { buffer in
        guard case .event(let event)? = try? Frame(buffer) else { return }
        _ = try? json(Array(event.payload))
      }
    }
  }

  @Test func aPromiseOfBillionsEndsAtOnce() {
    for head in [[0xDD, 0xFF, 0xFF, 0xFF, 0xFF], [0xDF, 0xFF, 0xFF, 0xFF, 0xFF], [0xDB, 0xFF, 0xFF, 0xFF, 0xFF]]
      as [[UInt8]]
    {
      #expect(throws: WireError.self) { try skip(head) }
    }
  }

  @Test func nestingIsBounded() throws {
    let deepest = [UInt8](repeating: 0x91, count: MessagePackReader.maximumDepth) + [0x01]
    #expect(try skip(deepest) == deepest.count)
    #expect(try json(deepest).count == 2 * MessagePackReader.maximumDepth + 1)
    #expect(throws: WireError.self) { try skip([0x91] + deepest) }
    #expect(throws: WireError.self) { try json([0x91] + deepest) }
    #expect(throws: WireError.self) { try MessagePackValue(decoding: [0x91] + deepest) }
  }

  @Test func integersTakeTheShortestForm() {
    let sizes: [(Int64, Int)] = [
      (0, 1), (127, 1), (128, 2), (255, 2), (256, 3), (65_536, 5), (1 << 32, 9), (-1, 1), (-32, 1), (-33, 2),
      (-128, 2), (-129, 3), (-32_769, 5), (.min, 9), (.max, 9),
    ]
    for (value, size) in sizes { #expect(MessagePackValue.integer(value).encoded.count == size) }
  }
}

/// Bytes of the first value.
func skip(_ bytes: [UInt8]) throws -> Int {
  try bytes.withUnsafeBytes { buffer in
    var reader = MessagePackReader(buffer)
    return try reader.skip().count
  }
}

/// One value as JSON text.
func json(_ bytes: [UInt8], limit: Int = .max) throws -> String {
  var out: [UInt8] = []
  try bytes.withUnsafeBytes { buffer in
    try JSONWriter.append(to: &out, limit: limit) { writer throws(WireError) in try writer.value(buffer) }
  }
  return String(decoding: out, as: UTF8.self)
}

extension MessagePackValue {
  init(decoding bytes: [UInt8]) throws {
    self = try bytes.withUnsafeBytes { try MessagePackValue($0) }
  }

  static func object(_ members: KeyValuePairs<String, MessagePackValue>) -> MessagePackValue {
    .map(members.map { Pair(.string($0.key), $0.value) })
  }

  static func event(payload: MessagePackValue) -> MessagePackValue {
    .object([
      "contract_version": "0.1.0", "event_id": "e", "run_id": "r", "seq": .integer(1), "type": "item",
      "ts": "2026-11-24T08:00:00Z", "payload": .object(["data": payload]), "attempt": .integer(1),
    ])
  }
}

extension MessagePackValue: ExpressibleByStringLiteral {
  package init(stringLiteral value: String) { self = .string(value) }
}
