import Glibc
import QuarryCore
import Synchronization

/// Makes written batches visible: manifests first, then the pointer, all under the lock on `latest.lock`.
///
/// System calls of a commit that touches *n* partitions and whose data lies under the snapshot's own id, with the lock
/// free and the head our own, after its sink has looked at names (`StoredPlaces`, `DatasetPresence`): flock, fstat, stat, stat
/// of each data file, read of `latest` (openat2 below its opened folder, fstat, two preads, close of both), pread and two
/// pwrites of `latest.lock`, access and mkdir of `segments/<id>`, the manifest (open, write, close), *n* links of it, rename; the
/// pointer (open, write, close), rename; flock. With durability `commit` the data is on the disk before (`settle`), so that
/// others wait only for what must be there before the pointer moves: the manifest, its two folders and the pointer's new
/// content (open, fsync, close of each, several at a time). The moved pointer and the manifests' names in partitions follow after the turn.
final class DiskPublisher: SnapshotPublisher {
  private struct State {
    var lock: PointerLock?
    /// The head as our own last commit left it.
    var head: CommitPlanner.Head?
    /// Folders with new entries that nobody waited for in this turn.
    var unsynced: Set<String> = []
  }

  private let layout: DatasetLayout
  private let files: FileSystem
  private let onWait: (@Sendable (String) -> Void)?
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
    onWait = store.onWait
    self.durability = durability
    self.deadline = deadline
    planner = CommitPlanner(layout: layout, store: store, clock: clock)
    leftovers = DiskLeftovers(layout: layout, files: store.files)
  }

  func takeTurn(until end: ContinuousClock.Instant) throws(PublishFailure) {
    try state.withLock { state throws(PublishFailure) in
      do throws(FileFailure) {
        while true {
          let lock = if let open = state.lock { open } else { try PointerLock(layout: layout, files: files) }
          state.lock = lock
          guard try lock.acquire(until: end, files: files, onLongWait: tellWait) else {
            // The file may have been replaced: then others lock the new one.
            if !lock.isCurrent { state = State() }
            break
          }
          if lock.isCurrent { return }
          lock.release()
          state = State()
        }
      } catch { throw .file(error) }
      throw .late(LockHolder.error(layout, after: deadline))
    }
  }

  private func tellWait() { onWait?(LockHolder.note(layout)) }

  func endTurn() -> [String] {
    state.withLock { state in
      state.lock?.release()
      defer { state.unsynced = [] }
      return state.unsynced.sorted(by: >)
    }
  }

  func publish(_ plans: [SnapshotPlan]) throws(PublishFailure) -> SnapshotID {
    try state.withLock { state throws(PublishFailure) in
      do throws(FileFailure) { return try publish(plans, &state) } catch { throw .file(error) }
    }
  }

  func makeDurable(_ folders: [String]) throws(PublishFailure) {
    guard durability == .commit else { return }
    do { try files.sync(folders) } catch { throw .file(error) }
  }

  private func publish(
    _ plans: [SnapshotPlan], _ state: inout State
  ) throws(FileFailure) -> SnapshotID {
    guard let lock = state.lock else { throw FileFailure("lock", layout.lock, EBADF) }
    try planner.check(plans)
    let pointer = try ChainReader(layout: layout).pointer()
    let head = try planner.head(pointer: pointer, known: state.head)
    try leftovers.clear(lock: lock, pointer: pointer, head: head?.id)
    let numbered = planner.number(plans, after: head, pointer: pointer) {
      FileReading.exists(layout.canonicalFolder($0))
    }
    guard let newest = numbered.last?.head else { throw FileFailure("commit", layout.folder, EINVAL) }
    let intent = CommitIntent(numbered.map { ($0.id, $0.plan.partitions(layout)) })
    try files.overwrite(lock.lockFile, intent.encoded(after: head?.id), path: lock.path)
    do throws(FileFailure) {
      var (before, after) = (Set<String>(), Set([layout.folder]))
      for snapshot in numbered { try writeManifests(of: snapshot, before: &before, after: &after) }
      try movePointer(to: newest.id, after: numbered.map { "\(layout.canonicalFolder($0.id))/manifest.json" }, before)
      state.head = newest
      state.unsynced.formUnion(after)
    } catch {
      leftovers.remove(intent.entries)
      throw error
    }
    // What was committed is no crash's leftover, also when somebody puts an old pointer back. Where this cannot be written,
    // nothing is lost as long as nobody does that.
    try? files.overwrite(lock.lockFile, CommitIntent().encoded(after: newest.id), path: lock.path)
    return newest.id
  }

  func restorePointer() throws(PublishFailure) {
    try state.withLock { state throws(PublishFailure) in
      do throws(FileFailure) { try restorePointer(&state) } catch { throw .file(error) }
    }
  }

  private func restorePointer(_ state: inout State) throws(FileFailure) {
    guard let lock = state.lock else { throw FileFailure("lock", layout.lock, EBADF) }
    let pointer = try ChainReader(layout: layout).pointer()
    guard let head = try planner.head(pointer: pointer, known: nil, searches: true) else { return }
    try leftovers.clear(lock: lock, pointer: pointer, head: head.id)
    if pointer != head.id {
      // One that died at this left it.
      files.remove(layout.temporary("latest-\(head.id)", in: layout.folder))
      try movePointer(to: head.id, after: [], [])
      state.unsynced.insert(layout.folder)
    }
    try files.overwrite(lock.lockFile, CommitIntent().encoded(after: head.id), path: lock.path)
    state.head = head
  }

  /// - Parameters:
  ///   - before: gets the folders with entries that the pointer must not come before.
  ///   - after: gets those of the manifest's names in partitions.
  private func writeManifests(
    of snapshot: CommitPlanner.Numbered, before: inout Set<String>, after: inout Set<String>
  ) throws(FileFailure) {
    let folder = layout.canonicalFolder(snapshot.id)
    before.formUnion([folder] + parents(of: try files.makeFolders(folder, below: layout.root)))
    let temporary = layout.temporary(snapshot.id, in: layout.folder)
    let bytes = snapshot.manifest.encoded
    try files.create(temporary, bytes)
    for partition in snapshot.plan.partitions(layout) {
      let folder = layout.segmentFolder(snapshot.id, partition: partition)
      let made = try writePartitionManifest(folder, from: temporary, bytes)
      after.formUnion([folder] + parents(of: made))
    }
    // Last, so that a canonical manifest says that all of its snapshot is there.
    try files.rename(temporary, to: "\(folder)/manifest.json")
  }

  private func parents(of folders: [String]) -> [String] { folders.compactMap { FileSystem.parent(of: $0) } }

  /// A second name for the canonical manifest's file, or a copy where the file system cannot do that.
  /// - Returns: the folders that were made for it, because the data lies under another id.
  private func writePartitionManifest(
    _ folder: String, from temporary: String, _ bytes: [UInt8]
  ) throws(FileFailure) -> [String] {
    let path = "\(folder)/manifest.json"
    var made: [String] = []
    for _ in 0..<2 {
      do throws(FileFailure) {
        guard try files.link(temporary, to: path) else { throw FileFailure("publish", path, EEXIST) }
        return made
      } catch {
        switch error.code {
        case ENOENT: made = try files.makeFolders(folder, below: layout.root)
        case EPERM, EMLINK, EXDEV, EOPNOTSUPP, ENOSYS:
          let copy = layout.temporary("manifest", in: folder)
          try files.create(copy, bytes)
          if durability == .commit { try files.sync([copy]) }
          try files.rename(copy, to: path)
          return made
        default: throw error
        }
      }
    }
    throw FileFailure("publish", path, ENOENT)
  }

  private func movePointer(
    to id: SnapshotID, after manifests: [String], _ folders: Set<String>
  ) throws(FileFailure) {
    let temporary = layout.temporary("latest-\(id)", in: layout.folder)
    try files.create(temporary, Array(id.description.utf8))
    if durability == .commit { try files.sync(manifests + [temporary] + folders.sorted(by: >)) }
    try files.rename(temporary, to: layout.pointer)
  }
}
