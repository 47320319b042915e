import QuarryCore

/// Entries that are newer than an index, or all there are where none is: in memory, some 200 bytes each.
struct FreshEntries {
  private var bytes: [UInt8] = []
  /// Where each begins and ends.
  private var ranges: [Range<Int>] = []

  var count: Int { ranges.count }

  mutating func add(_ run: RunSummary, day: Int) {
    let start = bytes.count
    run.append(day: day, to: &bytes)
    ranges.append(start..<bytes.count)
  }

  mutating func add(_ others: FreshEntries) {
    let start = bytes.count
    bytes += others.bytes
    ranges += others.ranges.map { start + $0.lowerBound..<start + $0.upperBound }
  }

  /// Into the order of the index.
  mutating func sort() {
    ranges = bytes.withUnsafeBytes { bytes in
      ranges.sorted { Self.entry($0, bytes).precedes(Self.entry($1, bytes)) }
    }
  }

  /// Calls `body` with each entry, and a way to ask for the next one.
  func withCursor<Value>(_ body: (inout Cursor) throws(QuarryError) -> Value) throws(QuarryError) -> Value {
    try bytes.withBytes { bytes throws(QuarryError) in
      var cursor = Cursor(bytes: bytes, ranges: ranges)
      return try body(&cursor)
    }
  }

  struct Cursor {
    fileprivate let bytes: UnsafeRawBufferPointer
    fileprivate let ranges: [Range<Int>]
    private var place = 0

    fileprivate init(bytes: UnsafeRawBufferPointer, ranges: [Range<Int>]) {
      self.bytes = bytes
      self.ranges = ranges
    }

    var current: RunEntry? { place < ranges.count ? FreshEntries.entry(ranges[place], bytes) : nil }
    mutating func advance() { place += 1 }
  }

  private static func entry(_ range: Range<Int>, _ bytes: UnsafeRawBufferPointer) -> RunEntry {
    RunEntry(bytes: UnsafeRawBufferPointer(rebasing: bytes[range]))
  }
}
