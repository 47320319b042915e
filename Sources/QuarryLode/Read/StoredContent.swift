import Crypto
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
  /// What a run has under an exact name, or else under an artifact's or a file's own name, which may stand for several.
  package func contents(_ wanted: String) -> [StoredContent] {
    if let artifact = artifacts.first(where: { $0.id == wanted }) { return [.artifact(artifact)] }
    let exact = files { exactName(.file($0)) == wanted || $0.path == wanted }
    guard exact.isEmpty else { return exact.map(StoredContent.file) }
    return artifacts.filter { $0.name == wanted }.map(StoredContent.artifact)
      + files { $0.filename == wanted }.map(StoredContent.file)
  }

  /// What stands for this alone: an artifact's id; `files/NAME`, or the whole key where several files have the name.
  package func exactName(_ content: StoredContent) -> String {
    switch content {
    case .artifact(let artifact): artifact.id
    case .file(let file):
      files { $0.filename == file.filename }.count == 1 ? "files/\(file.filename)" : file.path
    }
  }

  /// None twice, though several snapshots may list one.
  private func files(_ isWanted: (SidecarFile) -> Bool) -> [SidecarFile] {
    var seen: Set<String> = []
    return sidecarFiles.filter { isWanted($0) && seen.insert($0.path).inserted }
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
      var file: DataFile?
      for chunk in artifact.cover.chunks {
        // The next chunk lies mostly behind this one, which a compressed file is read to once.
        let line = try layout.described { () throws(FileFailure) in
          if file?.path != chunk.path { file = try DataFile.open(chunk.path, in: layout.store) }
          guard let file else { throw FileFailure("read", chunk.path, ENOENT) }
          return try file.bytes(chunk.lineLength, at: chunk.place)
        }
        guard try body(ChunkData.read(chunk, of: artifact.id, line: line)) else { return }
      }
    case .file(let file): try read(file, body: body)
    }
  }

  private func read(_ file: SidecarFile, body: ([UInt8]) throws(QuarryError) -> Bool) throws(QuarryError) {
    let path = layout.path(of: file.path)
    var position: Int64 = 0
    var hash = file.checksum.map { _ in Insecure.MD5() }
    let stored = try layout.described { () throws(FileFailure) in
      guard let stored = try layout.store.open(path, first: 1 << 20) else { throw FileFailure("read", path, ENOENT) }
      return stored
    }
    while true {
      let block = try layout.described { () throws(FileFailure) in try stored.bytes(1 << 20, at: position) }
      guard !block.isEmpty else { break }
      position += Int64(block.count)
      hash?.update(data: block)
      guard try body(block) else { return }
    }
    guard position == file.size else {
      throw QuarryError(.storage, "\(path) has \(position) bytes; its manifest says \(file.size)")
    }
    guard let stated = file.checksum, let found = hash.map({ MD5.hex($0.finalize()) }), found != stated.lowercased()
    else { return }
    throw QuarryError(.storage, "\(path) is damaged: its checksum is \(found), not \(stated)")
  }
}
