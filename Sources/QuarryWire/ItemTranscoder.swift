import QuarryCore

/// Turns frames of a run's items into their records in one pass, without knowing their length beforehand.
///
/// It takes what nearly every frame is: an `item` of the run as our own emitter writes it, of a usual size and without a
/// fault. What it does not take goes the general way (`Frame`), which also says what is wrong. What both take they write
/// alike.
package struct ItemTranscoder: ~Copyable {
  /// An item of the run, as a view into the transcoder's memory.
  package struct Item {
    package let seq: Int64
    /// The members of its record, as `JSONWriter.members` writes them, and what closes its line.
    package let end: UnsafeRawBufferPointer
  }

  /// Bytes of a frame that is taken, and of the text that is made of it. Longer ones are seldom, and gain little.
  package static let longestFrame = 16 << 10
  private static let longestText = 32 << 10

  private let pattern: ItemPattern
  private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: longestText, alignment: 16)

  package init(_ run: RunIdentity) { pattern = ItemPattern(run) }

  deinit { memory.deallocate() }

  /// - Returns: what is valid until the next call; nil when the frame has to go the general way.
  package func item(in frame: UnsafeRawBufferPointer) -> Item? {
    guard frame.count <= Self.longestFrame, let item = pattern.values(in: frame) else { return nil }
    do throws(WireError) {
      var text = TextBlock(memory)
      try JSONWriter.fill(&text) { writer throws(WireError) in try pattern.write(item, to: &writer) }
      return Item(seq: Int64(item.seq), end: text.written)
    } catch {
      // Too long, or a fault that the general way finds again and names.
      return nil
    }
  }
}
