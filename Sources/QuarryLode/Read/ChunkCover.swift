import QuarryCore

/// The stored chunks of one artifact, put together by their offsets: a policy may store some again, and those count once.
package struct ChunkCover: Sendable, Equatable {
  /// One record line that holds bytes.
  package struct Chunk: Sendable, Equatable {
    /// Of its first byte in the artifact.
    let offset: Int64
    let length: Int64
    /// The data file, and where the line lies in it.
    let path: String
    let place: Int64
    let lineLength: Int

    var end: Int64 { offset + length }
  }

  /// By offset, none twice.
  private(set) var chunks: [Chunk] = []
  /// Where the last chunk ends; nil while it is not stored.
  private var end: Int64?

  /// Bytes that are stored, repeated ones once.
  var size: Int64 { chunks.reduce(0) { $0 &+| $1.length } }

  mutating func add(_ chunk: Chunk, isLast: Bool) {
    if isLast { end = chunk.end }
    // Nearly always the last.
    let place = chunks.lastIndex { ($0.offset, $0.length) <= (chunk.offset, chunk.length) }
    if let place, chunks[place].offset == chunk.offset, chunks[place].length == chunk.length { return }
    chunks.insert(chunk, at: place.map { $0 + 1 } ?? 0)
  }

  /// Why the bytes are not all there, or more than all; nil when they are whole.
  /// - Parameter stated: how many there should be; 0 in old data, which says nothing.
  func fault(stated: Int64) -> String? {
    var position: Int64 = 0
    for chunk in chunks {
      if chunk.offset > position { return "bytes \(position) to \(chunk.offset - 1) are missing" }
      if chunk.offset < position { return "two chunks hold byte \(chunk.offset)" }
      position = chunk.end
    }
    guard let end else { return "the last chunk is missing: \(position) bytes are there" }
    guard end == position else { return "there are bytes beyond the last chunk, which ends at \(end)" }
    guard stated == 0 || stated == position else { return "\(position) bytes are there, and there should be \(stated)" }
    return nil
  }
}

extension ChunkCover.Chunk {
  static let members: Set<String> = ["offset", "length"]

  /// - Parameters:
  ///   - found: at least `members` of the line.
  ///   - next: the offset of a chunk that names none.
  init(_ found: [String: JSONValue], next: Int64, path: String, place: Int64, lineLength: Int) {
    let offset = max(0, found["offset"]?.integer ?? next)
    self.offset = offset
    length = max(0, min(found["length"]?.integer ?? 0, .max - offset))
    self.path = path
    self.place = place
    self.lineLength = lineLength
  }
}
