/// Lines for stdout, gathered into large writes.
struct LineOutput {
  private static let limit = 256 << 10

  private let console: Console
  private var buffer: [UInt8] = []

  init(_ console: Console) {
    self.console = console
    buffer.reserveCapacity(Self.limit)
  }

  /// Writes a line and its newline.
  /// - Returns: false when nobody reads them any more.
  mutating func append(_ line: some Collection<UInt8>) -> Bool {
    buffer.append(contentsOf: line)
    buffer.append(UInt8(ascii: "\n"))
    return buffer.count < Self.limit || flush()
  }

  /// Hands on what was gathered.
  @discardableResult
  mutating func flush() -> Bool {
    if !buffer.isEmpty, console.isOutputOpen() { console.printOut(buffer) }
    // The room of one very long line is not kept.
    buffer.removeAll(keepingCapacity: buffer.capacity <= 2 * Self.limit)
    return console.isOutputOpen()
  }
}
