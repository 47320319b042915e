/// What data files are compressed with (`--storage-compression`). One dataset may hold files of each.
package enum Compression: String, Sendable, CaseIterable {
  case none, gzip, zstd

  /// By the name that a data file has.
  init(ofFile path: String) {
    self = Self.allCases.last { path.hasSuffix($0.fileEnding) } ?? .none
  }

  /// By the word that a manifest has for it; nil for one that is not known.
  init?(compressor: String) {
    guard let found = Self.allCases.first(where: { $0.compressor == compressor }) else { return nil }
    self = found
  }

  /// Its word in a manifest.
  package var compressor: String { self == .none ? "noop" : rawValue }

  /// What follows `data` in a file's name.
  package var fileEnding: String {
    switch self {
    case .none: ""
    case .gzip: ".gz"
    case .zstd: ".zst"
    }
  }

  package func decoder() -> (any Decoder)? {
    switch self {
    case .none: nil
    case .gzip: GzipDecoder()
    case .zstd: ZstdDecoder()
    }
  }

  /// The whole of a file, compressed; nil when it stays as it is.
  package func encode(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
    switch self {
    case .none: nil
    case .gzip: GzipEncoder.encode(bytes)
    case .zstd: ZstdEncoder.encode(bytes)
    }
  }
}

/// Takes compressed bytes piece by piece and gives back what they were. For one thread.
///
/// What it gives back never exceeds the room that it is given, whatever the input would become.
package protocol Decoder: AnyObject {
  /// Whether what was taken so far is whole, so that the input may end here. Several streams may follow each other.
  var isAtEnd: Bool { get }

  /// - Parameter input: may be empty when there is none left, and what was taken has not all come out.
  /// - Returns: how many bytes it has taken and made; neither when it needs more of either.
  func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CodecFailure) -> (taken: Int, made: Int)
}

/// What the library says of bytes that it cannot decode.
package struct CodecFailure: Error, Equatable {
  package let reason: String
}
