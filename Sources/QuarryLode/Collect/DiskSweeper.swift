import Glibc
import QuarryCore

/// Removes leftovers under the lock that every commit holds.
struct DiskSweeper: LeftoverSweeper {
  let layout: DatasetLayout
  let files: FileSystem

  func leastAge(of kind: Leftover.Kind) -> Duration { .zero }

  func begin(within limit: Duration) throws(QuarryError) -> any SweepTurn {
    let lock = try layout.described { () throws(FileFailure) in try acquire(until: .now + limit) }
    guard let lock else { throw LockHolder.error(layout, after: limit) }
    return Turn(lock: lock)
  }

  private struct Turn: SweepTurn {
    let lock: PointerLock
    func end() { lock.release() }
  }

  private func acquire(until end: ContinuousClock.Instant) throws(FileFailure) -> PointerLock? {
    while true {
      let lock = try PointerLock(layout: layout, files: files)
      guard try lock.acquire(until: end, files: files) else { return nil }
      // Else the file was replaced while it was waited for, and others lock the new one.
      if lock.isCurrent { return lock }
    }
  }

  func remove(_ leftovers: [Leftover], if mayGo: (Leftover) -> Bool) -> [(Leftover, LeftoverFate)] {
    leftovers.compactMap { leftover in
      // Gone, or touched, since it was found.
      guard var current = Leftover(leftover.kind, leftover.path), mayGo(current) else { return nil }
      let result = remove(current)
      current.problem = result.problem
      return (current, result.fate)
    }
  }

  private func remove(_ leftover: Leftover) -> (fate: LeftoverFate, problem: String?) {
    guard let hold = LeftoverGuard(leftover) else { return (.held, nil) }
    defer { hold.end() }
    let code = leftover.kind == .folder ? files.removeFolder(leftover.path) : files.remove(leftover.path)
    switch code {
    case 0, ENOENT:
      removeEmptyFolders(above: leftover.path)
      return (.removed, nil)
    // A writer has put something there.
    case ENOTEMPTY where leftover.kind == .folder, EEXIST where leftover.kind == .folder: return (.young, nil)
    default: return (.failed, String(cString: strerror(code)))
    }
  }

  /// Writers make folders again that they need and find gone.
  private func removeEmptyFolders(above path: String) {
    let kept = [layout.folder, layout.own, layout.claims, layout.segments, layout.partitions]
    var folder = FileSystem.parent(of: path)
    while let current = folder, !kept.contains(current) {
      files.removeFolder(current)
      guard !FileReading.exists(current) else { return }
      folder = FileSystem.parent(of: current)
    }
  }

  func isHeld(_ leftover: Leftover) -> Bool {
    guard let hold = LeftoverGuard(leftover) else { return true }
    hold.end()
    return false
  }
}

/// The only lock on what a run that goes on would have locked, while a leftover is removed: the folder of its files, or its
/// claim.
private struct LeftoverGuard {
  private let file: Int32

  /// - Returns: nil when a run holds it, or it cannot be told.
  init?(_ leftover: Leftover) {
    let path: String? =
      switch leftover.kind {
      case .sidecar: FileSystem.parent(of: leftover.path)
      case .claim: leftover.path
      default: nil
      }
    guard let path else {
      file = -1
      return
    }
    file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      close(file)
      return nil
    }
  }

  func end() {
    guard file >= 0 else { return }
    // A process that is being started at this moment may have the descriptor too.
    _ = flock(file, LOCK_UN)
    close(file)
  }
}
