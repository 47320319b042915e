import Glibc

/// Cuts a byte stream into frames: `u32` big-endian length, then that many bytes.
///
/// The caller reads straight into the decoder's buffer and gets views into it, so that a payload is never copied.
/// The buffer holds at most one frame and one read; room made for a large frame is given back after a while.
package struct FrameDecoder: ~Copyable {
  /// Bytes of a whole frame with its prefix.
  package static let maximumFrameLength = 16 << 20
  package static let prefixLength = 4
  /// Fills that needed no large buffer before a large one is given back: a run of chunks keeps it.
  private static let patience = 16

  private var buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  private var smallFills = 0
  private let readSize: Int

  /// - Parameter readSize: bytes that one read may bring at most. Twice as much is kept for good: a read, and the
  ///   piece of a small frame that an earlier one left.
  package init(readSize: Int = 1 << 20) {
    self.readSize = max(readSize, 64)
    buffer = .allocate(byteCount: 2 * self.readSize, alignment: 16)
  }

  deinit { buffer.deallocate() }

  /// Bytes that have arrived and are not yet part of a frame that was handed out.
  package var pendingCount: Int { end - start }

  /// Bytes of memory in use.
  package var capacity: Int { buffer.count }

  /// Free memory for the next read. Frames handed out before are no longer valid. Follow it with `commit`.
  package mutating func writableBuffer() -> UnsafeMutableRawBufferPointer {
    makeRoom()
    return UnsafeMutableRawBufferPointer(rebasing: buffer[end..<min(buffer.count, end + readSize)])
  }

  /// Says how many bytes were written to the front of `writableBuffer()`.
  package mutating func commit(_ count: Int) {
    precondition(count >= 0 && count <= buffer.count - end, "more was committed than there was room for")
    end += count
  }

  /// The payload of the next whole frame, or nil when more bytes are needed.
  /// - Returns: a view that is valid until the next `writableBuffer()`.
  /// - Throws: `.oversized` for a frame above 16 MiB, `.undecodable` for an empty one.
  package mutating func nextFrame() throws(WireError) -> UnsafeRawBufferPointer? {
    guard let length = try announcedLength(), pendingCount >= Self.prefixLength + length else { return nil }
    let first = start + Self.prefixLength
    start = first + length
    return UnsafeRawBufferPointer(rebasing: buffer[first..<start])
  }

  /// Says that the stream has ended.
  /// - Throws: `.truncated` when it ended inside a frame.
  package func finish() throws(WireError) {
    guard pendingCount > 0 else { return }
    throw WireError(.truncated, "the stream ends inside a frame, after \(pendingCount) of its bytes")
  }

  private func announcedLength() throws(WireError) -> Int? {
    guard pendingCount >= Self.prefixLength else { return nil }
    let length = Int(UInt32(bigEndian: buffer.loadUnaligned(fromByteOffset: start, as: UInt32.self)))
    guard length > 0 else { throw WireError(.undecodable, "a frame is empty") }
    guard length <= Self.maximumFrameLength - Self.prefixLength else {
      throw WireError(.oversized, "a frame of \(length) bytes is above the limit of 16 MiB")
    }
    return length
  }

  /// Sees to it that the pending frame and one more read fit, and that a buffer which is too large does not stay.
  private mutating func makeRoom() {
    // A length that is none is refused where the frame is read; it wants no room.
    let announced = ((try? announcedLength()) ?? nil) ?? 0
    let wanted = max(2 * readSize, max(Self.prefixLength + announced, pendingCount) + readSize)
    smallFills = wanted > 2 * readSize ? 0 : smallFills + 1
    if wanted > buffer.count || (buffer.count > 2 * readSize && smallFills > Self.patience) {
      replaceBuffer(byteCount: wanted)
    } else if start > 0, pendingCount == 0 || buffer.count - end < readSize {
      if pendingCount > 0, let base = buffer.baseAddress { memmove(base, base + start, pendingCount) }
      (start, end) = (0, pendingCount)
    }
  }

  private mutating func replaceBuffer(byteCount: Int) {
    let new = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
    new.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
    buffer.deallocate()
    buffer = new
    (start, end) = (0, pendingCount)
  }
}
