import Glibc
import QuarryCore

/// Finds what no snapshot names on a disk, by walking the dataset's folders.
struct DiskLeftoverScan {
  let layout: DatasetLayout
  let reachable: Reachable

  /// Folders come after what they hold.
  func forEach(_ body: (Leftover) throws(FileFailure) -> Void) throws(FileFailure) {
    for folder in [layout.folder, layout.own] {
      for name in try names(in: folder) where isTemporary(name) {
        try tell(.temporary, "\(folder)/\(name)", body)
      }
    }
    for name in try names(in: layout.claims) where LockHolder(of: "\(layout.claims)/\(name)") == nil {
      try tell(.claim, "\(layout.claims)/\(name)", body)
    }
    try segments(layout.segments, body)
    try partition(layout.partitions, body)
  }

  /// Nothing of a link: what it leads to is another's.
  private func names(in folder: String) throws(FileFailure) -> [String] {
    FileReading.isLink(folder) ? [] : try layout.store.names(in: folder)
  }

  private func isTemporary(_ name: String) -> Bool { name.hasPrefix(DatasetLayout.temporaryPrefix) }

  private func partition(_ folder: String, _ body: (Leftover) throws(FileFailure) -> Void) throws(FileFailure) {
    for name in try names(in: folder) {
      let path = "\(folder)/\(name)"
      switch name {
      case "segments": try segments(path, body)
      case "files": try files(path, .sidecar, body)
      case _ where isTemporary(name): try tell(.temporary, path, body)
      case _ where name.utf8.contains(UInt8(ascii: "=")): try partition(path, body)
      default: break
      }
    }
    if folder != layout.partitions { try tellIfEmpty(folder, body) }
  }

  private func segments(_ folder: String, _ body: (Leftover) throws(FileFailure) -> Void) throws(FileFailure) {
    for name in try names(in: folder) {
      let path = "\(folder)/\(name)"
      if isTemporary(name) { try tell(.temporary, path, body) }
      if let id = SnapshotID(name) { try segment(id, path, body) }
    }
    if folder != layout.segments { try tellIfEmpty(folder, body) }
  }

  private func segment(
    _ id: SnapshotID, _ folder: String, _ body: (Leftover) throws(FileFailure) -> Void
  ) throws(FileFailure) {
    for name in try names(in: folder) {
      let path = "\(folder)/\(name)"
      switch name {
      case "manifest.json": if reachable.place(of: id) == nil { try tell(.manifest, path, body) }
      case "data": try files(path, .data, body)
      case _ where isTemporary(name): try tell(.temporary, path, body)
      default: break
      }
    }
    try tellIfEmpty(folder, body)
  }

  /// - Parameter kind: what a file there is that no snapshot names.
  private func files(
    _ folder: String, _ kind: Leftover.Kind, _ body: (Leftover) throws(FileFailure) -> Void
  ) throws(FileFailure) {
    for name in try names(in: folder) {
      let path = "\(folder)/\(name)"
      if isTemporary(name) {
        try tell(.temporary, path, body)
      } else if !reachable.names(layout.key(of: path)) {
        try tell(kind, path, body)
      }
    }
    try tellIfEmpty(folder, body)
  }

  private func tellIfEmpty(_ folder: String, _ body: (Leftover) throws(FileFailure) -> Void) throws(FileFailure) {
    if FileReading.isFolder(folder), try names(in: folder).isEmpty { try tell(.folder, folder, body) }
  }

  /// What has gone in the meantime is none, nor a folder that was moved aside with what a person has put there.
  private func tell(
    _ kind: Leftover.Kind, _ path: String, _ body: (Leftover) throws(FileFailure) -> Void
  ) throws(FileFailure) {
    if kind == .temporary, FileReading.isFolder(path) { return }
    if let found = Leftover(kind, path) { try body(found) }
  }
}

extension Leftover {
  /// As it is now; nil when it is gone.
  init?(_ kind: Kind, _ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    self.kind = kind
    self.path = path
    size = kind == .folder ? 0 : Int64(status.st_size)
    modified = Timestamp(seconds: Int64(status.st_mtim.tv_sec), nanoseconds: Int64(status.st_mtim.tv_nsec))
  }
}
