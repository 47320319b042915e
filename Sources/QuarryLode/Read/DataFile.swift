import Glibc
import QuarryCore

/// The bytes of a data file as they were before they were compressed, if they were. For one thread.
///
/// Memory: a piece of the file, and what its decoder needs. A compressed file is read from the front on, so reading in
/// order costs once, and going back begins again.
final class DataFile {
  private static let pieceSize = 64 << 10

  let path: String
  private let file: any StoredFile
  private let compression: Compression
  private var decoder: (any Decoder)?
  /// Of what was decoded.
  private var position: Int64 = 0
  /// Of what was read.
  private var filePosition: Int64 = 0
  private var piece: [UInt8] = []
  private var taken = 0

  /// - Returns: nil when there is no such file.
  static func open(_ path: String, in store: any DatasetStore) throws(FileFailure) -> DataFile? {
    try store.open(path).map { DataFile($0, path) }
  }

  private init(_ file: any StoredFile, _ path: String) {
    self.file = file
    self.path = path
    compression = Compression(ofFile: path)
  }

  /// Bytes of the file as it is stored.
  func storedSize() throws(FileFailure) -> Int64 { try file.size() }

  /// How many bytes it has; nil where only its end would tell.
  func size() throws(FileFailure) -> Int64? {
    guard compression == .none else { return nil }
    return try storedSize()
  }

  /// - Returns: how many bytes from a place on it put into the buffer, as many as came at once; 0 at the end.
  /// - Throws: also when what it is compressed with finds it damaged or cut off.
  func read(into buffer: UnsafeMutableRawBufferPointer, at place: Int64) throws(FileFailure) -> Int {
    guard compression != .none else { return try file.read(into: buffer, at: place) }
    try skip(to: place)
    return try decode(into: buffer)
  }

  /// So many bytes from a place on; fewer where the file ends.
  func bytes(_ count: Int, at place: Int64) throws(FileFailure) -> [UInt8] {
    var failure: FileFailure?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      do throws(FileFailure) {
        while filled < count {
          let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
          let made = try read(into: rest, at: place + Int64(filled))
          if made == 0 { break }
          filled += made
        }
      } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }

  private func skip(to place: Int64) throws(FileFailure) {
    if decoder == nil || place < position {
      decoder = compression.decoder()
      (position, filePosition, piece, taken) = (0, 0, [], 0)
    }
    guard place > position else { return }
    var rest = [UInt8](repeating: 0, count: Int(min(place - position, Int64(Self.pieceSize))))
    while position < place {
      let count = Int(min(place - position, Int64(rest.count)))
      let made = try rest.withMutableBytes { bytes throws(FileFailure) in
        try decode(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]))
      }
      if made == 0 { return }
    }
  }

  private func decode(into buffer: UnsafeMutableRawBufferPointer) throws(FileFailure) -> Int {
    guard let decoder else { return 0 }
    while true {
      if taken == piece.count { try refill() }
      let isEnd = piece.isEmpty
      if isEnd, decoder.isAtEnd { return 0 }
      let step: (taken: Int, made: Int)
      do throws(CodecFailure) {
        step = try piece.withBytes { bytes throws(CodecFailure) in
          try decoder.decode(UnsafeRawBufferPointer(rebasing: bytes[taken...]), into: buffer)
        }
      } catch { throw damaged(error.reason) }
      taken += step.taken
      position += Int64(step.made)
      if step.made > 0 { return step.made }
      if isEnd { throw damaged("it ends in the middle") }
    }
  }

  private func refill() throws(FileFailure) {
    piece = try file.bytes(Self.pieceSize, at: filePosition)
    filePosition += Int64(piece.count)
    taken = 0
  }

  private func damaged(_ reason: String) -> FileFailure {
    FileFailure(
      "read", path, .damage("its \(compression.rawValue) data, after \(position) bytes of content: \(reason)"))
  }
}

extension [UInt8] {
  /// `withUnsafeMutableBytes` that keeps the type of what is thrown.
  mutating func withMutableBytes<Value, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try withUnsafeMutableBytes { bytes -> Result<Value, Failure> in
      do throws(Failure) { return .success(try body(bytes)) } catch { return .failure(error) }
    }.get()
  }
}
