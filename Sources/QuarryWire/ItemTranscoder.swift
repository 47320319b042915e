/// Turns frames of items into the members of their records in one pass, without knowing their length beforehand.
///
/// It takes what nearly every frame is: an `item` as our own emitter writes it, of a usual size and without a fault. What
/// it does not take goes the general way (`Frame`), which also says what is wrong. What both take they write alike.
package struct ItemTranscoder: ~Copyable {
  /// An item, as views into its frame and into the transcoder's memory.
  package struct Item {
    package let runID: WireText
    package let attempt: Int64
    package let seq: Int64
    /// As `JSONWriter.members` writes them.
    package let members: UnsafeRawBufferPointer
  }

  /// Bytes of a frame that is taken, and of the text that is made of it. Longer ones are seldom, and gain little.
  package static let longestFrame = 16 << 10
  private static let longestText = 32 << 10

  private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: longestText, alignment: 16)

  package init() {}

  deinit { memory.deallocate() }

  /// - Returns: what is valid until the next call; nil when the frame has to go the general way.
  package func item(in frame: UnsafeRawBufferPointer) -> Item? {
    guard frame.count <= Self.longestFrame, let event = EventEnvelope(emittedItem: frame) else { return nil }
    do throws(WireError) {
      var text = TextBlock(memory)
      try JSONWriter.fill(&text) { writer throws(WireError) in try writer.members(of: event) }
      return Item(runID: event.runID, attempt: event.attempt, seq: event.seq, members: text.written)
    } catch {
      // Too long, or a fault that the general way finds again and names.
      return nil
    }
  }
}
