import CZlib

/// The library's streams know where they lie, so each has a place of its own.
private typealias Stream = UnsafeMutablePointer<z_stream>

/// 15 bits of window, and a head and an end as RFC 1952 has them.
private let windowBits = 15 + Int32(16)

/// The library counts in 32 bits.
private let longestPiece = 1 << 30

package final class GzipDecoder: Decoder {
  private let stream: Stream
  package private(set) var isAtEnd = false

  init() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let code = inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(code == Z_OK, "zlib cannot start: out of memory, or another version than the headers'")
  }

  package func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CodecFailure) -> (taken: Int, made: Int) {
    if isAtEnd, !input.isEmpty {
      inflateReset(stream)
      isAtEnd = false
    }
    stream.pointee.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(min(input.count, longestPiece))
    stream.pointee.next_out = output.bindMemory(to: UInt8.self).baseAddress
    stream.pointee.avail_out = UInt32(min(output.count, longestPiece))
    let before = (input: stream.pointee.avail_in, output: stream.pointee.avail_out)
    switch inflate(stream, Z_NO_FLUSH) {
    case Z_OK, Z_BUF_ERROR: break
    case Z_STREAM_END: isAtEnd = true
    case Z_MEM_ERROR: throw CodecFailure(reason: "there is no memory to decode it")
    default: throw CodecFailure(reason: stream.pointee.msg.map { String(cString: $0) } ?? "it is no gzip stream")
    }
    return (Int(before.input - stream.pointee.avail_in), Int(before.output - stream.pointee.avail_out))
  }

  deinit {
    inflateEnd(stream)
    stream.deinitialize(count: 1)
    stream.deallocate()
  }
}

enum GzipEncoder {
  /// One stream, without a name or a time in its head: the same bytes always become the same.
  static func encode(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    let stream = Stream.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    defer {
      deflateEnd(stream)
      stream.deinitialize(count: 1)
      stream.deallocate()
    }
    let code = deflateInit2_(
      stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    precondition(code == Z_OK, "zlib cannot start: out of memory, or another version than the headers'")
    let bound = Int(deflateBound(stream, UInt(bytes.count)))
    return [UInt8](unsafeUninitializedCapacity: bound) { output, filled in
      var taken = 0
      repeat {
        let piece = UnsafeRawBufferPointer(rebasing: bytes[taken..<min(bytes.count, taken + longestPiece)])
        stream.pointee.next_in = UnsafeMutablePointer(mutating: piece.bindMemory(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = UInt32(piece.count)
        stream.pointee.next_out = output.baseAddress?.advanced(by: filled)
        stream.pointee.avail_out = UInt32(min(output.count - filled, longestPiece))
        let room = stream.pointee.avail_out
        let isLast = taken + piece.count == bytes.count
        let code = deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
        taken += piece.count - Int(stream.pointee.avail_in)
        filled += Int(room - stream.pointee.avail_out)
        if code == Z_STREAM_END { break }
        // There is room for all of it, so the library has no reason to stop.
        precondition(code == Z_OK, "zlib: \(code)")
      } while true
    }
  }
}
