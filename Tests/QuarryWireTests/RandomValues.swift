import QuarryWire

/// A small generator whose seed a failing test prints (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}

extension MessagePackValue {
  /// Any value; lengths cross the borders of the format's length fields.
  static func random(using generator: inout SeededGenerator, depth: Int = 0) -> MessagePackValue {
    let lengths = [0, 1, 2, 4, 8, 15, 16, 17, 31, 32, 255, 256]
    switch Int.random(in: 0..<(depth < 4 ? 10 : 8), using: &generator) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &generator))
    case 2: return .integer(randomInteger(using: &generator))
    case 3: return .unsigned(UInt64.random(in: (1 << 63)...UInt64.max, using: &generator))
    case 4: return .double(randomDouble(using: &generator))
    case 5: return .string(randomText(using: &generator))
    case 6: return .binary(generator.bytes(lengths.randomElement(using: &generator) ?? 0))
    case 7: return .extension(type: 5, generator.bytes(lengths.randomElement(using: &generator) ?? 0))
    case 8:
      let count = Int.random(in: 0...(depth == 0 ? 20 : 4), using: &generator)
      return .array((0..<count).map { _ in random(using: &generator, depth: depth + 1) })
    default:
      let count = Int.random(in: 0...(depth == 0 ? 20 : 4), using: &generator)
      return .map((0..<count).map { Pair(.string("k\($0)"), random(using: &generator, depth: depth + 1)) })
    }
  }

  private static func randomInteger(using generator: inout SeededGenerator) -> Int64 {
    let word = Int64(bitPattern: generator.next())
    return word >> Int64.random(in: 0..<64, using: &generator)
  }

  private static func randomDouble(using generator: inout SeededGenerator) -> Double {
    let value = Double(bitPattern: generator.next())
    return value.isNaN ? 0.5 : value
  }

  private static func randomText(using generator: inout SeededGenerator) -> String {
    let alphabet: [Character] = ["a", "Z", " ", "\"", "\\", "\n", "\u{1}", "\u{7F}", "ř", "漢", "🐎", "\u{2028}"]
    let count = Int.random(in: 0...300, using: &generator)
    return String((0..<count).map { _ in alphabet.randomElement(using: &generator) ?? "a" })
  }
}
