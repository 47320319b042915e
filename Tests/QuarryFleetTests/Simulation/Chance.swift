import QuarryCore
import Synchronization

/// The same sequence for the same seed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// All chance of one simulation, for whatever asks, also from inside the queue.
final class Chance: Sendable {
  private let generator: Mutex<SeededGenerator>

  init(seed: UInt64) { generator = Mutex(SeededGenerator(seed: seed)) }

  /// 0 ..< count.
  func below(_ count: Int) -> Int { generator.withLock { Int.random(in: 0..<max(1, count), using: &$0) } }

  func happens(_ percent: Int) -> Bool { below(100) < percent }

  func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }

  /// Nil when there is none.
  func some<Value>(_ values: [Value]) -> Value? { values.isEmpty ? nil : pick(values) }

  func id() -> String { generator.withLock { UUIDv7.make(milliseconds: 1, using: &$0) } }
}
