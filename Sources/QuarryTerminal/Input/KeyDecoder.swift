/// Turns the bytes of a terminal into keys, however they are cut: a key's sequence may come in several reads, and one
/// read may hold many keys. Keys that are unknown, or held with Alt, are passed over.
package struct KeyDecoder {
  private static let escape: UInt8 = 0x1B
  private static let pasteEnd = Array("\u{1B}[201~".utf8)
  /// Of one paste; what is beyond is left out.
  private static let longestPaste = 1 << 16
  /// No terminal has a longer sequence; beyond it, it is no sequence.
  private static let longestSequence = 64

  private var pending: [UInt8] = []
  private var isPasting = false

  package init() {}

  /// How long more bytes are waited for before `flush`; nil when none are missing. The Escape key is the beginning of
  /// other keys' sequences, which come as a whole, in slow networks nearly so. A paste may take its time.
  package var patience: Duration? {
    if isPasting { return .seconds(2) }
    return pending.isEmpty ? nil : .milliseconds(50)
  }

  package mutating func feed(_ bytes: some Sequence<UInt8>) -> [TerminalInput] {
    pending += bytes
    var inputs: [TerminalInput] = []
    while let step = isPasting ? paste() : next() {
      pending.removeFirst(step.length)
      if let input = step.input { inputs.append(input) }
    }
    return inputs
  }

  /// What came is all there is: a lone Escape is the key, and half a sequence is none.
  package mutating func flush() -> [TerminalInput] {
    defer {
      pending = []
      isPasting = false
    }
    if isPasting { return pending.isEmpty ? [] : [.pasted(text(pending))] }
    return pending == [Self.escape] ? [.key(.escape)] : []
  }

  private typealias Step = (length: Int, input: TerminalInput?)

  /// - Returns: the first key of what is pending, or nil when more is needed to know it.
  private mutating func next() -> Step? {
    guard let first = pending.first else { return nil }
    switch first {
    case Self.escape: return sequence()
    case 0x0D: return (1, .key(.enter))
    case 0x09: return (1, .key(.tab))
    case 0x08, 0x7F: return (1, .key(.backspace))
    case 0x00: return (1, nil)
    case 0x01..<0x20: return (1, .key(.control(Character(Unicode.Scalar(first < 0x1B ? first + 0x60 : first + 0x40)))))
    default: return character()
    }
  }

  private func character() -> Step? {
    let length = pending[0] < 0x80 ? 1 : pending[0] >= 0xF0 ? 4 : pending[0] >= 0xE0 ? 3 : pending[0] >= 0xC0 ? 2 : 1
    // A byte that does not go on with it ends it; the rest may be whole.
    let end = pending.dropFirst().prefix(length - 1).prefix { $0 & 0xC0 == 0x80 }.endIndex
    guard end == length || end < pending.count else { return nil }
    guard let text = String(validating: pending[..<end], as: UTF8.self), let first = text.first else {
      return (end, nil)
    }
    return (end, .key(.character(first)))
  }

  /// `ESC [ …`, `ESC O …`, or Alt with a key.
  private mutating func sequence() -> Step? {
    guard pending.count > 1 else { return nil }
    switch pending[1] {
    case UInt8(ascii: "["): return control()
    case UInt8(ascii: "O"):
      return pending.count > 2 ? (3, KeySequence.function(pending[2]).map(TerminalInput.key)) : nil
    // Escape, and the beginning of the next key.
    case Self.escape: return (1, .key(.escape))
    default: return (2, nil)
    }
  }

  private mutating func control() -> Step? {
    // The console's own function keys: ESC [ [ A.
    if pending.count > 2, pending[2] == UInt8(ascii: "[") { return pending.count > 3 ? (4, nil) : nil }
    guard let end = pending.dropFirst(2).firstIndex(where: { !(0x20..<0x40).contains($0) }) else {
      return pending.count > Self.longestSequence ? (pending.count, nil) : nil
    }
    // What has no place in a sequence ends it.
    guard (0x40..<0x7F).contains(pending[end]) else { return (end, nil) }
    let parameters = String(decoding: pending[2..<end], as: UTF8.self)
    if pending[end] == UInt8(ascii: "~"), parameters == "200" {
      isPasting = true
      return (end + 1, nil)
    }
    return (end + 1, KeySequence.control(parameters, pending[end]).map(TerminalInput.key))
  }

  private mutating func paste() -> Step? {
    guard let end = pending.firstRange(of: Self.pasteEnd) else {
      // Room is kept for an end that has come in part.
      let limit = Self.longestPaste + Self.pasteEnd.count
      if pending.count > limit { pending.removeSubrange(Self.longestPaste..<pending.count - Self.pasteEnd.count) }
      return nil
    }
    isPasting = false
    return (end.upperBound, .pasted(text(pending[..<end.lowerBound].prefix(Self.longestPaste))))
  }

  /// Terminals send the ends of lines as Enter sends them.
  private func text(_ bytes: some Collection<UInt8>) -> String {
    String(decoding: bytes.map { $0 == 0x0D ? 0x0A : $0 }, as: UTF8.self)
  }
}
