/// Containers that are open, the innermost one apart: twelve levels in one word.
struct OpenContainers {
  /// Five bits each: what is still to come, and whether it is a map.
  private var outer: UInt64 = 0
  private(set) var depth = 0
  private(set) var isMap: Bool
  /// Entries or elements of the innermost one that are still to come.
  private(set) var left: Int

  static let most = 12

  @inline(__always)
  init(isMap: Bool, count: Int) { (self.isMap, left) = (isMap, count) }

  @inline(__always)
  var opening: UInt8 { isMap ? UInt8(ascii: "{") : UInt8(ascii: "[") }

  @inline(__always)
  var closing: UInt8 { isMap ? UInt8(ascii: "}") : UInt8(ascii: "]") }

  @inline(__always)
  var isFull: Bool { depth == Self.most }

  @inline(__always)
  mutating func takeOne() { left -= 1 }

  @inline(__always)
  mutating func open(isMap: Bool, count: Int) {
    outer = outer << 5 | UInt64(truncatingIfNeeded: left) << 1 | (self.isMap ? 1 : 0)
    depth += 1
    (self.isMap, left) = (isMap, count)
  }

  /// - Returns: false when it was the outermost one.
  @inline(__always)
  mutating func close() -> Bool {
    guard depth > 0 else { return false }
    (isMap, left) = (outer & 1 == 1, Int(truncatingIfNeeded: outer >> 1 & 15))
    outer >>= 5
    depth -= 1
    return true
  }
}
