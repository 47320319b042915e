import Glibc
import QuarryCore
import Synchronization

/// Makes written batches visible: manifests first, then the pointer, all under the lock on `latest.lock`.
///
/// System calls of a commit that touches *n* partitions and whose data lies under the snapshot's own id, with the lock
/// free and the head our own: flock, fstat, stat, read of `latest` (open, pread, close), pread and pwrite of
/// `latest.lock`, access and mkdir of `segments/<id>`, the manifest (open, write, close), *n* links of it, rename; the
/// pointer (open, write, close), rename; flock. Durability `commit` adds two waits: one `syncfs` before the pointer
/// moves, which covers data, manifests, folders and the pointer's new content, and, after the lock is free again, one
/// `fsync` of the dataset's folder. A `fsync` for each of the dozen files and folders took five times as long.
final class Publisher: Sendable {
  enum Failure: Error {
    case file(FileFailure)
    /// The lock was not free within the deadline.
    case lockHeld

    func described(layout: DatasetLayout) -> QuarryError {
      switch self {
      case .file(let failure): failure.described(root: layout.root)
      case .lockHeld:
        QuarryError(
          .storage, "cannot commit to \(layout.folder): \(layout.lock) stayed locked by another process",
          remedy: "see who holds it: fuser -v '\(layout.lock)'")
      }
    }
  }

  private struct State {
    var lock: PointerLock?
    /// The head as our own last commit left it.
    var head: Head?
  }

  private struct Head {
    let id: SnapshotID
    let createdAt: Timestamp
  }

  /// How long after it was written a writer's data is there for sure: what looks like a leftover is removed much later
  /// (`LeftoverCollector.leastAge`), which only a writer that was stopped in between would see.
  private static let trust = Duration.seconds(600)

  let layout: DatasetLayout
  let files: FileSystem
  let durability: Durability
  private let deadline: Duration
  private let clock: SnapshotClock
  private let leftovers: Leftovers
  private let state = Mutex(State())

  init(
    layout: DatasetLayout, files: FileSystem, durability: Durability, deadline: Duration, clock: SnapshotClock
  ) {
    self.layout = layout
    self.files = files
    self.durability = durability
    self.deadline = deadline
    self.clock = clock
    leftovers = Leftovers(layout: layout, files: files)
  }

  /// Publishes the plans as one snapshot each, in their order, with a single move of the pointer: all or none.
  ///
  /// They are visible when it returns, and durable after `makePointerDurable`.
  func publish(_ plans: [SnapshotPlan]) throws(Failure) {
    try state.withLock { state throws(Failure) in
      let lock = try acquire(&state)
      defer { lock.release() }
      do throws(FileFailure) {
        state.head = try publish(plans, under: lock, known: state.head)
      } catch { throw .file(error) }
    }
  }

  /// Does nothing with durability `none`.
  func makePointerDurable() throws(Failure) {
    guard durability == .commit else { return }
    do { try files.syncFolder(layout.folder) } catch { throw .file(error) }
  }

  private func acquire(_ state: inout State) throws(Failure) -> PointerLock {
    let end = ContinuousClock.now + deadline
    do throws(FileFailure) {
      while true {
        let lock = if let open = state.lock { open } else { try PointerLock(layout: layout, files: files) }
        guard try lock.acquire(until: end, files: files) else { break }
        state.lock = lock
        if lock.isCurrent { return lock }
        lock.release()
        state = State()
      }
    } catch { throw .file(error) }
    throw .lockHeld
  }

  private func publish(
    _ plans: [SnapshotPlan], under lock: PointerLock, known: Head?
  ) throws(FileFailure) -> Head {
    for batch in plans.flatMap(\.batches) { try checkData(of: batch) }
    let pointer = try ChainReader(layout: layout).pointer()
    let head = try currentHead(pointer: pointer, known: known)
    try leftovers.clear(lock: lock, pointer: pointer, head: head?.id)
    let numbered = number(plans, after: [head?.id, pointer].compactMap(\.self).max())
    let intent = CommitIntent(numbered.map { ($0.id, $0.plan.partitions) })
    try files.overwrite(lock.lockFile, intent.encoded, path: lock.path)
    do throws(FileFailure) {
      var newest = head
      for (id, plan) in numbered {
        let createdAt = max(clock.time(), newest?.createdAt ?? Timestamp(nanoseconds: 0))
        try writeManifests(of: plan, id: id, parent: newest?.id, createdAt: createdAt)
        newest = Head(id: id, createdAt: createdAt)
      }
      guard let newest else { throw FileFailure("commit", layout.folder, EINVAL) }
      let isDurable = durability == .commit && !plans.allSatisfy(\.isBestEffort)
      try movePointer(to: newest.id, lock: lock, isDurable: isDurable)
      return newest
    } catch {
      leftovers.remove(intent.entries)
      throw error
    }
  }

  private func checkData(of batch: WrittenBatch) throws(FileFailure) {
    // They may have waited for long, and the lock on their folder does not reach everywhere.
    for file in batch.sidecars {
      try check(file.path)
      try check(Reachable.meta(of: file))
    }
    guard clock.time().nanoseconds - batch.writtenAt.nanoseconds > Self.trust.milliseconds * 1_000_000 else { return }
    for file in batch.files { try check(file.path) }
  }

  private func check(_ key: String) throws(FileFailure) {
    let path = layout.path(of: key)
    guard FileReading.exists(path) else { throw FileFailure("publish", path, ENOENT) }
  }

  private func currentHead(pointer: SnapshotID?, known: Head?) throws(FileFailure) -> Head? {
    if let known, pointer == known.id { return known }
    var chain = ChainReader(layout: layout)
    guard let manifest = try chain.head() else { return nil }
    let createdAt = Timestamp(manifest.createdAt) ?? Timestamp(nanoseconds: Int64(clamping: manifest.id.value))
    return Head(id: manifest.id, createdAt: createdAt)
  }

  private func number(
    _ plans: [SnapshotPlan], after floor: SnapshotID?
  ) -> [(id: SnapshotID, plan: SnapshotPlan)] {
    var floor = floor
    return plans.map { plan in
      var id = plan.preferredID
      if let floor, id <= floor { id = clock.next(after: floor) }
      while FileReading.exists(layout.canonicalFolder(id)) { id = clock.next(after: id) }
      floor = id
      return (id, plan)
    }
  }

  private func writeManifests(
    of plan: SnapshotPlan, id: SnapshotID, parent: SnapshotID?, createdAt: Timestamp
  ) throws(FileFailure) {
    let folder = layout.canonicalFolder(id)
    try files.makeFolders(folder, below: layout.root)
    let manifest = plan.manifest(layout: layout, id: id, parent: parent, createdAt: createdAt.text(fraction: 9))
    let temporary = layout.temporary(id, in: layout.folder)
    let bytes = manifest.encoded
    try files.create(temporary, bytes)
    for partition in plan.partitions {
      try writePartitionManifest(layout.segmentFolder(id, partition: partition), from: temporary, bytes)
    }
    // Last, so that a canonical manifest says that all of its snapshot is there.
    try files.rename(temporary, to: "\(folder)/manifest.json")
  }

  /// A second name for the canonical manifest's file, or a copy where the file system cannot do that.
  private func writePartitionManifest(
    _ folder: String, from temporary: String, _ bytes: [UInt8]
  ) throws(FileFailure) {
    let path = "\(folder)/manifest.json"
    for _ in 0..<2 {
      do throws(FileFailure) {
        guard try files.link(temporary, to: path) else { throw FileFailure("publish", path, EEXIST) }
        return
      } catch {
        switch error.code {
        case ENOENT: try files.makeFolders(folder, below: layout.root)
        case EPERM, EMLINK, EXDEV, EOPNOTSUPP, ENOSYS:
          let copy = layout.temporary("manifest", in: folder)
          try files.create(copy, bytes)
          return try files.rename(copy, to: path)
        default: throw error
        }
      }
    }
    throw FileFailure("publish", path, ENOENT)
  }

  private func movePointer(to id: SnapshotID, lock: PointerLock, isDurable: Bool) throws(FileFailure) {
    let temporary = layout.temporary("latest-\(id)", in: layout.folder)
    try files.create(temporary, Array(id.description.utf8))
    if isDurable { try files.syncFileSystem(of: lock.folder, path: layout.folder) }
    try files.rename(temporary, to: layout.pointer)
  }
}
