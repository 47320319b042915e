import Synchronization

/// Lines for stdout, gathered into large writes.
final class LineOutput: Sendable {
  private static let limit = 256 << 10

  private let console: Console
  private let buffer = Mutex<[UInt8]>([])

  init(_ console: Console) {
    self.console = console
    buffer.withLock { $0.reserveCapacity(Self.limit) }
  }

  /// Writes a line and its newline.
  /// - Returns: false when nobody reads them any more.
  func append(_ line: some Collection<UInt8>) -> Bool {
    let hasRoom = buffer.withLock { buffer in
      buffer.append(contentsOf: line)
      buffer.append(UInt8(ascii: "\n"))
      return buffer.count < Self.limit
    }
    return hasRoom || flush()
  }

  /// Hands on what was gathered.
  @discardableResult
  func flush() -> Bool {
    buffer.withLock { buffer in
      if !buffer.isEmpty, console.isOutputOpen() { console.printOut(buffer) }
      // The room of one very long line is not kept.
      buffer.removeAll(keepingCapacity: buffer.capacity <= 2 * Self.limit)
    }
    return console.isOutputOpen()
  }
}
