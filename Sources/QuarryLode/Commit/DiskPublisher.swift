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
final class DiskPublisher: SnapshotPublisher {
  private struct State {
    var lock: PointerLock?
    /// The head as our own last commit left it.
    var head: CommitPlanner.Head?
  }

  private let layout: DatasetLayout
  private let files: FileSystem
  private let durability: Durability
  private let deadline: Duration
  private let planner: CommitPlanner
  private let leftovers: DiskLeftovers
  private let state = Mutex(State())

  init(
    layout: DatasetLayout, store: DiskStore, durability: Durability, deadline: Duration, clock: SnapshotClock
  ) {
    self.layout = layout
    files = store.files
    self.durability = durability
    self.deadline = deadline
    planner = CommitPlanner(layout: layout, store: store, clock: clock)
    leftovers = DiskLeftovers(layout: layout, files: store.files)
  }

  func publish(_ plans: [SnapshotPlan]) throws(PublishFailure) {
    try state.withLock { state throws(PublishFailure) in
      let lock = try acquire(&state)
      defer { lock.release() }
      do throws(FileFailure) {
        state.head = try publish(plans, under: lock, known: state.head)
      } catch { throw .file(error) }
    }
  }

  /// Does nothing with durability `none`.
  func makePointerDurable() throws(PublishFailure) {
    guard durability == .commit else { return }
    do { try files.syncFolder(layout.folder) } catch { throw .file(error) }
  }

  private func acquire(_ state: inout State) throws(PublishFailure) -> PointerLock {
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
    throw .late(PointerLock.held(layout))
  }

  private func publish(
    _ plans: [SnapshotPlan], under lock: PointerLock, known: CommitPlanner.Head?
  ) throws(FileFailure) -> CommitPlanner.Head {
    try planner.checkData(of: plans)
    let pointer = try ChainReader(layout: layout).pointer()
    let head = try planner.head(pointer: pointer, known: known)
    try leftovers.clear(lock: lock, pointer: pointer, head: head?.id)
    let numbered = planner.number(plans, after: head, pointer: pointer) {
      FileReading.exists(layout.canonicalFolder($0))
    }
    guard let newest = numbered.last?.head else { throw FileFailure("commit", layout.folder, EINVAL) }
    let intent = CommitIntent(numbered.map { ($0.id, $0.plan.partitions) })
    try files.overwrite(lock.lockFile, intent.encoded, path: lock.path)
    do throws(FileFailure) {
      for snapshot in numbered { try writeManifests(of: snapshot) }
      let isDurable = durability == .commit && !plans.allSatisfy(\.isBestEffort)
      try movePointer(to: newest.id, lock: lock, isDurable: isDurable)
      return newest
    } catch {
      leftovers.remove(intent.entries)
      throw error
    }
  }

  private func writeManifests(of snapshot: CommitPlanner.Numbered) throws(FileFailure) {
    let folder = layout.canonicalFolder(snapshot.id)
    try files.makeFolders(folder, below: layout.root)
    let temporary = layout.temporary(snapshot.id, in: layout.folder)
    let bytes = snapshot.manifest.encoded
    try files.create(temporary, bytes)
    for partition in snapshot.plan.partitions {
      try writePartitionManifest(layout.segmentFolder(snapshot.id, partition: partition), from: temporary, bytes)
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
