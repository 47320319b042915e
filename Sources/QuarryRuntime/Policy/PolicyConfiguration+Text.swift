import QuarryCore

/// The form that a task carries: `strict`, `streaming flush-count=500 flush-interval=1000ms`,
/// `buffered buffer-events=5000 flush-mode=two_phase`.
extension PolicyConfiguration {
  package var text: String {
    var words = [name.rawValue]
    if let count = numbers.flushCount { words.append("flush-count=\(count)") }
    if let interval = numbers.flushInterval { words.append("flush-interval=\(interval.milliseconds)ms") }
    if let events = numbers.bufferEvents { words.append("buffer-events=\(events)") }
    if let bytes = numbers.bufferBytes { words.append("buffer-bytes=\(bytes)") }
    if let mode = numbers.flushMode { words.append("flush-mode=\(mode.rawValue)") }
    return words.joined(separator: " ")
  }

  /// - Throws: `QuarryError(.usage)` naming the word that is not part of a policy.
  package init(text: String) throws(QuarryError) {
    let words = text.split(separator: " ").map(String.init)
    var numbers = Numbers()
    for word in words.dropFirst() {
      guard numbers.take(word) else { throw QuarryError(.usage, "'\(word)' is not part of a policy, in '\(text)'") }
    }
    try self.init(name: words.first ?? "", numbers)
  }
}

extension PolicyConfiguration.Numbers {
  /// - Returns: false for a word that says none of the numbers.
  fileprivate mutating func take(_ word: String) -> Bool {
    let pair = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard pair.count == 2 else { return false }
    let value = pair[1]
    switch pair[0] {
    case "flush-count": return set(\.flushCount, Int(value))
    case "flush-interval": return set(\.flushInterval, Duration(text: value))
    case "buffer-events": return set(\.bufferEvents, Int(value))
    case "buffer-bytes": return set(\.bufferBytes, Int(value))
    case "flush-mode": return set(\.flushMode, FlushMode(rawValue: value))
    default: return false
    }
  }

  private mutating func set<Value>(_ number: WritableKeyPath<Self, Value?>, _ value: Value?) -> Bool {
    self[keyPath: number] = value
    return value != nil
  }
}
