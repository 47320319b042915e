/// Tells of drops without a line for each: one when they begin, one with their numbers when room was made.
struct DropNotes {
  private var counts: [String: Int] = [:]
  private let onNote: (String) -> Void

  init(_ onNote: @escaping (String) -> Void) { self.onNote = onNote }

  mutating func add(_ type: String) {
    if counts.isEmpty {
      onNote("the buffer is full: log, enqueue and rotate_proxy events are dropped until it is flushed")
    }
    counts[type, default: 0] += 1
  }

  /// There is room again, or nothing more will come.
  mutating func close() {
    guard !counts.isEmpty else { return }
    let words = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    onNote("dropped while the buffer was full: \(words)")
    counts = [:]
  }
}
