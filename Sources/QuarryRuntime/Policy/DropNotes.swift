/// Tells of drops without a line for each: the first one, how many they are each time that their number has doubled, and
/// at the run's end the number of each type.
struct DropNotes {
  /// Before the number is told for the first time.
  private static let quiet = 1_000

  private var counts: [String: Int] = [:]
  private var total = 0
  private var nextTold = quiet
  private let onNote: (String) -> Void

  private let onLoss: (String) -> Void

  init(_ onNote: @escaping (String) -> Void, onLoss: @escaping (String) -> Void) {
    self.onNote = onNote
    self.onLoss = onLoss
  }

  mutating func add(_ type: String) {
    if total == 0 { onNote("the buffer is full: log, enqueue and rotate_proxy events are dropped while it is") }
    counts[type, default: 0] += 1
    total += 1
    guard total == nextTold else { return }
    onNote("\(total) events were dropped so far")
    nextTold *= 2
  }

  /// Nothing more will come.
  mutating func tellTotal() {
    guard total > 0 else { return }
    let words = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    onLoss("dropped while the buffer was full: \(words)")
    (counts, total, nextTold) = ([:], 0, Self.quiet)
  }
}
