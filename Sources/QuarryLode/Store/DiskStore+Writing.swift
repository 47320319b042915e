import Glibc
import QuarryCore

extension DiskStore: WritableStore {
  package var backend: String { "fs" }
  package var url: String { "file://\(root)" }
  /// How old a file looks is not how long ago it was written: a clock may have been set since. To look costs one stat.
  package var trust: StoreTrust { StoreTrust(data: nil, sidecars: nil) }

  /// The segment's folder must be new, so the file is written in place.
  package func createData(_ file: String, _ bytes: [UInt8]) throws(FileFailure) -> Bool {
    guard let folder = FileSystem.parent(of: file), let segment = FileSystem.parent(of: folder) else {
      throw FileFailure("create", file, EINVAL)
    }
    guard try makeFolders(segment) else { return false }
    do throws(FileFailure) {
      _ = try makeFolders(folder)
      try files.create(file, bytes)
      return true
    } catch {
      discardData(file)
      throw error
    }
  }

  /// `data`, the segment, `segments`, the event type, the run.
  package func discardData(_ file: String) {
    files.remove(file)
    var folder = file
    for _ in 0..<5 {
      guard let parent = FileSystem.parent(of: folder) else { return }
      folder = parent
      if files.removeFolder(folder) == 0 { newFolders.remove([folder]) }
    }
  }

  package func create(_ file: String, _ bytes: UnsafeRawBufferPointer) throws(FileFailure) -> Bool {
    guard let folder = FileSystem.parent(of: file) else { throw FileFailure("create", file, EINVAL) }
    _ = try makeFolders(folder)
    do throws(FileFailure) { return try publish(file, bytes, in: folder) } catch {
      // A collector of leftovers may have found the folder empty.
      guard error.code == ENOENT, try makeFolders(folder) else { throw error }
      return try publish(file, bytes, in: folder)
    }
  }

  private func publish(_ file: String, _ bytes: UnsafeRawBufferPointer, in folder: String) throws(FileFailure) -> Bool {
    let temporary = "\(folder)/\(DatasetLayout.temporaryPrefix)\(UUIDv7.make())"
    try files.create(temporary, bytes)
    defer { files.remove(temporary) }
    return try files.link(temporary, to: file)
  }

  /// - Returns: false when it was there already.
  private func makeFolders(_ path: String) throws(FileFailure) -> Bool {
    let made = try files.makeFolders(path, below: root)
    newFolders.add(made)
    return !made.isEmpty
  }

  package func settle(_ files: [String], _ durability: Durability) throws(FileFailure) {
    let made = newFolders.above(files)
    if durability == .commit {
      try self.files.sync(files + Set((files + made).compactMap { FileSystem.parent(of: $0) }).sorted(by: >))
    }
    newFolders.remove(made)
  }

  package func discard(_ file: String) { files.remove(file) }

  package func setAside(_ file: String) throws(FileFailure) {
    let code = files.removeFolder(file)
    if code != 0, code != ENOENT { try files.rename(file, to: DatasetLayout.aside(file)) }
  }

  package func hold(_ folder: String) throws(FileFailure) -> FolderHold? { try FolderHold(folder, files: files) }

  package func claim(_ file: String) throws(FileFailure) -> (any StoreClaim)? {
    if let folder = FileSystem.parent(of: file) { _ = try makeFolders(folder) }
    return try DiskClaim.take(file, files: files)
  }

  package func holder(ofClaim file: String) -> ClaimHolder {
    ClaimHolder(who: LockHolder(of: file).map { "process \($0.pid) (\($0.name))" } ?? "another process")
  }

  package func sweeper(of layout: DatasetLayout) -> any LeftoverSweeper { DiskSweeper(layout: layout, files: files) }

  package func publisher(
    of layout: DatasetLayout, durability: Durability, deadline: Duration, clock: SnapshotClock
  ) -> any SnapshotPublisher {
    DiskPublisher(layout: layout, store: self, durability: durability, deadline: deadline, clock: clock)
  }
}
