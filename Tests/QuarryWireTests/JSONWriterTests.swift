import QuarryCore
import QuarryWire
import Testing

@Suite struct JSONWriterTests {
  @Test func scalarsInEveryWidth() throws {
    let cases: [([UInt8], String)] = [
      ([0xC0], "null"), ([0xC2], "false"), ([0xC3], "true"), ([0x00], "0"), ([0x7F], "127"), ([0xFF], "-1"),
      ([0xE0], "-32"), ([0xCC, 1], "1"), ([0xCD, 0, 9], "9"), ([0xCE, 0xFF, 0xFF, 0xFF, 0xFF], "4294967295"),
      ([0xCF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "18446744073709551615"),
      ([0xCF, 0x00, 0x20, 0, 0, 0, 0, 0, 1], "9007199254740993"), ([0xD0, 0x80], "-128"),
      ([0xD1, 0x80, 0], "-32768"), ([0xD2, 0x80, 0, 0, 0], "-2147483648"),
      ([0xD3, 0x80, 0, 0, 0, 0, 0, 0, 0], "-9223372036854775808"), ([0xCA, 0x3F, 0xC0, 0, 0], "1.5"),
      ([0x90], "[]"), ([0x80], "{}"), ([0xA0], #""""#), ([0xC4, 0], #""""#),
    ]
    for (bytes, text) in cases { #expect(try json(bytes) == text) }
  }

  @Test func wholeFloatsHaveNoFraction() throws {
    let cases: [(Double, String)] = [
      (3, "3"), (-0.0, "0"), (1e15, "1000000000000000"), (9_007_199_254_740_992, "9007199254740992"),
      (1e18, "1000000000000000000"), (1e19, "1e+19"), (0.1, "0.1"), (1e-8, "1e-08"),
      (1.7976931348623157e308, "1.7976931348623157e+308"),
    ]
    for (value, text) in cases {
      #expect(try json(MessagePackValue.double(value).encoded) == text)
      #expect(JSONValue.text(of: value) == text)
    }
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func whatJSONCannotSayIsAnError(value: Double) {
    #expect { try json(MessagePackValue.double(value).encoded) } throws: { ($0 as? WireError)?.code == .notFinite }
  }

  @Test func keysThatAreNotStringsAndUnknownExtensionsAreErrors() {
    for bytes in [[0x81, 0x01, 0x01], [0x81, 0xC0, 0x01], [0xD4, 0x07, 0x00]] as [[UInt8]] {
      #expect { try json(bytes) } throws: { ($0 as? WireError)?.code == .undecodable }
    }
  }

  @Test func timestamps() throws {
    func time(_ bytes: [UInt8]) throws -> String { try json(MessagePackValue.extension(type: -1, bytes).encoded) }
    #expect(try time([0, 0, 0, 1]) == #""1970-01-01T00:00:01Z""#)
    #expect(try time([0x77, 0x35, 0x94, 0x00, 0, 0, 0, 0]) == #""1970-01-01T00:00:00.5Z""#)
    #expect(try time([0, 0, 0, 1] + [UInt8](repeating: 0xFF, count: 8)) == #""1969-12-31T23:59:59.000000001Z""#)
    let bad: [[UInt8]] = [
      [], [0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0], [0, 0, 0, 0, 0x7F, 0, 0, 0, 0, 0, 0, 0],
    ]
    for bytes in bad { #expect(throws: WireError.self) { try time(bytes) } }
  }

  @Test func aRandomValueIsTheSameValueInJSON() throws {
    for seed in 0..<300 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let value = MessagePackValue.random(using: &generator)
      guard let expected = value.json else { continue }
      #expect(try JSONParser.parse(try json(value.encoded)) == expected, "seed \(seed)")
    }
  }

  /// The standard library's repair is the reference; both follow the Unicode standard's recommendation.
  @Test func bytesThatAreNotUTF8AreRepaired() throws {
    var generator = SeededGenerator(seed: 7)
    let pieces: [[UInt8]] = [
      [0x61], [0x22], [0xC5, 0x99], [0xE6, 0xBC, 0xA2], [0xF0, 0x9F, 0x90, 0x8E], [0x80], [0xC0, 0xAF], [0xE0, 0x80],
      [0xED, 0xA0, 0x80], [0xF4, 0x90], [0xF0, 0x9F], [0xFF], [0x0A], [0xE6, 0xBC],
    ]
    for _ in 0..<2_000 {
      var bytes: [UInt8] = []
      for _ in 0..<Int.random(in: 0..<20, using: &generator) { bytes += pieces.randomElement(using: &generator) ?? [] }
      let packed: [UInt8] = [0xDA, UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes
      #expect(try JSONParser.parse(try json(packed)) == .string(String(decoding: bytes, as: UTF8.self)))
    }
  }

  @Test func longTextCrossesTheBlock() throws {
    for count in [0, 1, 7, 8, 255, 256, 257, 1023, 1024, 1025, 5_000] {
      for last in ["", "\"", "ř"] {
        let text = String(repeating: "x", count: count) + last
        #expect(try JSONParser.parse(try json(MessagePackValue.string(text).encoded)) == .string(text))
      }
    }
  }

  @Test func base64() throws {
    let vectors = [
      "": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "fooba": "Zm9vYmE=", "foobar": "Zm9vYmFy",
    ]
    for (plain, encoded) in vectors {
      var out = Array("<".utf8)
      Array(plain.utf8).withUnsafeBytes { Base64.append($0, to: &out) }
      #expect(String(decoding: out, as: UTF8.self) == "<" + encoded)
      #expect(try json(MessagePackValue.binary(Array(plain.utf8)).encoded) == "\"\(encoded)\"")
    }
    #expect(try json(MessagePackValue.binary([0xFB, 0xFF, 0xFE]).encoded) == #""+//+""#)
  }

  @Test func theLimitHoldsForEveryKindOfLongText() {
    let long = [UInt8](repeating: 1, count: 100_000)
    let values: [MessagePackValue] = [
      .binary(long), .string(String(repeating: "x", count: 100_000)),
      .string(String(repeating: "\u{1}", count: 20_000)),
      .array(Array(repeating: .null, count: 30_000)),
    ]
    for value in values {
      #expect { try json(value.encoded, limit: 90_000) } throws: { ($0 as? WireError)?.code == .tooLong }
      #expect(throws: Never.self) { try json(value.encoded, limit: 150_002) }
    }
  }
}

extension MessagePackValue {
  /// What it should be in JSON; nil when it holds an extension, which has no form.
  var json: JSONValue? {
    switch self {
    case .null: return .null
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .unsigned(let value): return .unsigned(value)
    case .double(let value):
      guard value.isFinite else { return nil }
      return Int64(exactly: value).map { .integer($0) } ?? .double(value)
    case .string(let value): return .string(value)
    case .binary(let bytes):
      var out: [UInt8] = []
      bytes.withUnsafeBytes { Base64.append($0, to: &out) }
      return .string(String(decoding: out, as: UTF8.self))
    case .extension: return nil
    case .array(let elements):
      let values = elements.compactMap(\.json)
      return values.count == elements.count ? .array(values) : nil
    case .map(let pairs):
      var members: [String: JSONValue] = [:]
      for pair in pairs {
        guard case .string(let key) = pair.key, let value = pair.value.json else { return nil }
        members[key] = value
      }
      return .object(members)
    }
  }
}
