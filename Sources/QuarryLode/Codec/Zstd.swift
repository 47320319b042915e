import CZstd

package final class ZstdDecoder: Decoder {
  private let context: OpaquePointer
  package private(set) var isAtEnd = false

  init() {
    guard let context = ZSTD_createDCtx() else { preconditionFailure("zstd cannot start: out of memory") }
    self.context = context
  }

  /// Frames, also those to be skipped, may follow each other. One whose window is above 128 MiB is refused, as the
  /// library's own program does.
  package func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CodecFailure) -> (taken: Int, made: Int) {
    var from = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
    var to = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
    let code = ZSTD_decompressStream(context, &to, &from)
    guard ZSTD_isError(code) == 0 else { throw CodecFailure(reason: String(cString: ZSTD_getErrorName(code))) }
    isAtEnd = code == 0
    return (from.pos, to.pos)
  }

  deinit { ZSTD_freeDCtx(context) }
}

enum ZstdEncoder {
  /// One frame, which says how long its content is and bears a checksum of it.
  static func encode(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    guard let context = ZSTD_createCCtx() else { preconditionFailure("zstd cannot start: out of memory") }
    defer { ZSTD_freeCCtx(context) }
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    return [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.count)) { output, filled in
      let code = ZSTD_compress2(context, output.baseAddress, output.count, bytes.baseAddress, bytes.count)
      precondition(ZSTD_isError(code) == 0, "zstd: \(String(cString: ZSTD_getErrorName(code)))")
      filled = code
    }
  }
}
