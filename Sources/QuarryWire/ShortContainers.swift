/// Maps and arrays of fewer than sixteen entries, of which payloads are made, in one loop for all that is inside of them.
/// The loop works on copies of where reading and writing are, so that these stay in registers; what is not short and
/// plain it leaves to the general way.
extension JSONWriter {
  /// Bytes that one round of the loop may append: a key, a value and what stands between and around them.
  private static let roundLength = 2 * TextBlock.stringLength(31) + 4

  /// Appends the container that comes next.
  /// - Parameter depth: of the container; at least as many levels as `OpenContainers` holds are allowed below it.
  mutating func shortContainer(from reader: inout MessagePackReader, depth: Int) throws(WireError) {
    guard let (isMap, count) = reader.nextShortContainer() else { return }
    try reserve(Self.roundLength)
    var (source, text) = (reader, block)
    var open = OpenContainers(isMap: isMap, count: count)
    text.append(open.opening)
    var isFirst = true
    while true {
      if !text.hasRoom(for: Self.roundLength) { text = try makeRoom(text) }
      guard open.left > 0 else {
        text.append(open.closing)
        guard open.close() else { break }
        isFirst = false
        continue
      }
      if !isFirst { text.append(UInt8(ascii: ",")) }
      open.takeOne()
      if open.isMap {
        if !text.appendShortString(from: &source) { (source, text) = try longKey(source, text) }
        text.append(UInt8(ascii: ":"))
      }
      isFirst = false
      if !open.isFull, let (isMap, count) = source.nextShortContainer() {
        open.open(isMap: isMap, count: count)
        text.append(open.opening)
        isFirst = true
      } else if !text.appendShortString(from: &source), !text.appendNumberOrConstant(from: &source) {
        (source, text) = try otherValue(source, text, depth: depth + open.depth + 1)
      }
    }
    (reader, block) = (source, text)
  }

  // What the loop leaves to others takes copies and returns them: whatever's address is passed on stays in memory.

  private mutating func makeRoom(_ text: TextBlock) throws(WireError) -> TextBlock {
    block = text
    try reserve(Self.roundLength)
    return block
  }

  /// - Returns: where there is room for the rest of the round.
  private mutating func longKey(
    _ source: MessagePackReader, _ text: TextBlock
  ) throws(WireError) -> (MessagePackReader, TextBlock) {
    var reader = source
    block = text
    try key(from: &reader)
    try reserve(Self.roundLength)
    return (reader, block)
  }

  private mutating func otherValue(
    _ source: MessagePackReader, _ text: TextBlock, depth: Int
  ) throws(WireError) -> (MessagePackReader, TextBlock) {
    var reader = source
    block = text
    try value(from: &reader, depth: depth)
    return (reader, block)
  }
}

extension TextBlock {
  /// Takes the next value if it is a string below 32 bytes without anything to escape.
  /// - Returns: false for any other; then nothing is read or written.
  @inline(__always)
  fileprivate mutating func appendShortString(from source: inout MessagePackReader) -> Bool {
    var next = source
    guard let string = next.nextShortString(), appendPlain(string.start, count: string.count, slack: next.remaining)
    else { return false }
    source = next
    return true
  }

  /// The same for an integer from 0 to 2^32 - 1, a boolean or nil.
  @inline(__always)
  fileprivate mutating func appendNumberOrConstant(from source: inout MessagePackReader) -> Bool {
    if let number = source.nextCount() {
      append(decimal: UInt64(number))
    } else if let constant = source.nextConstant() {
      append(constant)
    } else {
      return false
    }
    return true
  }
}
