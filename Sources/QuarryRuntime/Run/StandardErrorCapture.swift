import Glibc

/// The beginning and the end of what a process wrote to its standard error, whatever it wrote between.
struct StandardErrorCapture {
  /// Of the beginning, and again of the end, in bytes.
  static let keep = 32 << 10
  /// A longer line is handed over in pieces of this size, in bytes.
  private static let lineLimit = 8 << 10

  private var head: [UInt8] = []
  /// Up to twice `keep`, cut back to `keep` when full.
  private var tail: [UInt8] = []
  private var total = 0
  private var line: [UInt8] = []
  private var chunk = [UInt8](repeating: 0, count: 64 << 10)
  private let onLine: ((String) -> Void)?

  init(onLine: ((String) -> Void)?) { self.onLine = onLine }

  /// Reads once.
  /// - Returns: false at the end of the stream.
  mutating func read(from descriptor: Int32) -> Bool {
    let count = Glibc.read(descriptor, &chunk, chunk.count)
    if count < 0 { return errno == EAGAIN || errno == EINTR }
    if count > 0 { take(count) }
    return count > 0
  }

  /// Reads all that is there.
  mutating func drain(from descriptor: Int32) {
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      take(count)
    }
  }

  /// Hands over a last line that had no end.
  mutating func finish() { flushLine() }

  /// Invalid UTF-8 is replaced.
  var text: String {
    let left = total - head.count - min(tail.count, Self.keep)
    let between = left > 0 ? "\n… \(left) bytes left out …\n" : ""
    return String(decoding: head, as: UTF8.self) + between + String(decoding: tail.suffix(Self.keep), as: UTF8.self)
  }

  /// The last line that is not empty, at most 500 characters; of what Node says of an error that nobody caught, which ends
  /// with Node's version, the line that names the error.
  var lastLine: String? {
    let bytes = tail.isEmpty ? head : tail
    let lines = String(decoding: bytes.suffix(4 << 10), as: UTF8.self).split(whereSeparator: \.isNewline)
      .filter { !$0.allSatisfy(\.isWhitespace) }
    let isNodes = lines.last?.hasPrefix("Node.js v") == true
    let line = isNodes ? lines.last { $0.first?.isLetter == true && $0.contains("Error") } : nil
    return (line ?? lines.last).map { String($0.prefix(500)) }
  }

  private mutating func take(_ count: Int) {
    total += count
    let room = min(count, Self.keep - head.count)
    head += chunk[..<room]
    tail += chunk[room..<count]
    if tail.count > 2 * Self.keep { tail.removeFirst(tail.count - Self.keep) }
    if onLine != nil { splitLines(chunk[..<count]) }
  }

  private mutating func splitLines(_ bytes: ArraySlice<UInt8>) {
    var rest = bytes
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      line += rest[..<end]
      flushLine(evenIfEmpty: true)
      rest = rest[(end + 1)...]
    }
    line += rest
    if line.count > Self.lineLimit { flushLine() }
  }

  private mutating func flushLine(evenIfEmpty: Bool = false) {
    guard evenIfEmpty || !line.isEmpty else { return }
    onLine?(String(decoding: line, as: UTF8.self))
    line.removeAll(keepingCapacity: true)
  }
}
