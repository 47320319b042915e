import Glibc
import QuarryCore

/// Bytes that a run has stored under a name: an artifact, or a file beside its records.
package enum StoredContent: Sendable, Equatable {
  case artifact(StoredArtifact)
  case file(SidecarFile)

  package var name: String? {
    switch self {
    case .artifact(let artifact): artifact.name
    case .file(let file): file.filename
    }
  }

  package var contentType: String? {
    switch self {
    case .artifact(let artifact): artifact.contentType
    case .file(let file): file.contentType
    }
  }

  package var size: Int64 {
    switch self {
    case .artifact(let artifact): artifact.size
    case .file(let file): file.size
    }
  }

  /// Why it cannot be had whole; nil when, as far as its records tell, it can.
  package var fault: String? {
    guard case .artifact(let artifact) = self else { return nil }
    guard artifact.isCommitted else { return "its commit was never stored, so it counts for nothing" }
    return artifact.fault
  }
}

extension RunDetail {
  /// What a run has under an artifact's id or name, or a file's name. A name may stand for several.
  package func contents(_ wanted: String) -> [StoredContent] {
    if let artifact = artifacts.first(where: { $0.id == wanted }) { return [.artifact(artifact)] }
    let named = artifacts.filter { $0.name == wanted }.map(StoredContent.artifact)
    return named
      + sidecarFiles.filter { $0.filename == wanted || "files/\($0.filename)" == wanted }.map(StoredContent.file)
  }
}

extension LodeReader {
  /// Calls `body` with the bytes, piece by piece: in memory of one chunk.
  /// - Parameter body: returns false to stop.
  /// - Throws: `QuarryError(.storage)` when they are not what was stored.
  package func read(
    _ content: StoredContent, body: ([UInt8]) throws(QuarryError) -> Bool
  ) throws(QuarryError) {
    switch content {
    case .artifact(let artifact):
      for chunk in artifact.cover.chunks {
        guard try body(ChunkData.read(chunk, of: artifact.id, in: layout.store)) else { return }
      }
    case .file(let file): try read(file, body: body)
    }
  }

  private func read(_ file: SidecarFile, body: ([UInt8]) throws(QuarryError) -> Bool) throws(QuarryError) {
    let path = layout.path(of: file.path)
    var position: Int64 = 0
    let stored = try layout.described { () throws(FileFailure) in
      // A link in a dataset would be somebody's trick.
      guard let stored = try layout.store.open(path, followsLinks: false) else {
        throw FileFailure("read", path, ENOENT)
      }
      return stored
    }
    while true {
      let block = try layout.described { () throws(FileFailure) in try stored.bytes(1 << 20, at: position) }
      guard !block.isEmpty else { break }
      position += Int64(block.count)
      guard try body(block) else { return }
    }
    guard position == file.size else {
      throw QuarryError(.storage, "\(path) has \(position) bytes; its manifest says \(file.size)")
    }
  }
}
