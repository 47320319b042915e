import Glibc
import QuarryCore

/// What became of a leftover.
package enum LeftoverFate: String, Sendable {
  /// Would be removed.
  case removable
  case removed
  /// It may be a writer's that is at work.
  case young
  /// A run goes on that may yet list it.
  case held
  /// The system did not let it go.
  case failed
}

/// Removes what crashed writers left, also while others write.
///
/// Nothing that counts is ever removed: what snapshots name is asked for under the lock that every commit holds, so no
/// commit can come between the question and the removal, and a dataset of which not every snapshot can be read is left
/// alone. What a writer is about to commit is younger than the least age; one that was stopped for longer looks for its
/// data before it commits (`CommitPlanner`). Files beside records may wait for their commit as long as their run goes on:
/// its process holds their folder (`FolderHold`).
package struct LeftoverCollector {
  /// More than the time for which a writer trusts that its own data is there.
  package static let leastAge = Duration.seconds(900)
  /// How many leftovers go in one hold of the lock.
  private static let batchSize = 128

  private let layout: DatasetLayout
  private let files: FileSystem
  private let age: Duration
  private let now: Timestamp
  private let deadline: Duration

  /// - Parameters:
  ///   - age: how long ago a leftover was last changed, at least.
  ///   - deadline: how long to wait for the lock.
  package init(
    root: String, dataset: String, age: Duration, now: Timestamp = .now(), files: FileSystem = FileSystem(),
    deadline: Duration = .seconds(60)
  ) {
    layout = DatasetLayout(root: root, dataset: dataset)
    self.age = age
    self.now = now
    self.files = files
    self.deadline = deadline
  }

  /// - Parameters:
  ///   - removes: false only tells.
  ///   - report: told of each leftover once.
  /// - Throws: `QuarryError(.storage)` when it cannot be told what counts, or the lock is not free in time.
  package func collect(
    removes: Bool, report: (Leftover, LeftoverFate) -> Void
  ) throws(QuarryError) {
    var known = try KnownSnapshots(layout: layout)
    var batch: [Leftover] = []
    let scan = LeftoverScan(layout: layout, reachable: known.reachable)
    var refusal: QuarryError?
    try layout.described { () throws(FileFailure) in
      try scan.forEach { leftover in
        guard refusal == nil else { return }
        guard isOld(leftover) else { return report(leftover, .young) }
        guard removes else { return report(leftover, isHeld(leftover) ? .held : .removable) }
        batch.append(leftover)
        guard batch.count == Self.batchSize else { return }
        do throws(QuarryError) { try remove(batch, &known, report) } catch { refusal = error }
        batch = []
      }
    }
    if let refusal { throw refusal }
    if !batch.isEmpty { try remove(batch, &known, report) }
  }

  private func isOld(_ leftover: Leftover) -> Bool {
    now.nanoseconds - leftover.modified.nanoseconds >= age.milliseconds * 1_000_000
  }

  private func remove(
    _ batch: [Leftover], _ known: inout KnownSnapshots, _ report: (Leftover, LeftoverFate) -> Void
  ) throws(QuarryError) {
    let held = try layout.described { () throws(FileFailure) in try acquire(until: .now + deadline) }
    guard let lock = held else { throw LockHolder.error(layout, after: deadline) }
    defer { lock.release() }
    try known.catchUp()
    for leftover in batch {
      // Gone, or touched, since it was found.
      guard var current = Leftover(leftover.kind, leftover.path), isOld(current), !counts(current, known) else {
        continue
      }
      let (fate, problem) = remove(current)
      current.problem = problem
      report(current, fate)
    }
  }

  /// - Returns: nil when the lock was not free in time.
  private func acquire(until end: ContinuousClock.Instant) throws(FileFailure) -> PointerLock? {
    while true {
      let lock = try PointerLock(layout: layout, files: files)
      guard try lock.acquire(until: end, files: files) else { return nil }
      // Else the file was replaced while it was waited for, and others lock the new one.
      if lock.isCurrent { return lock }
    }
  }

  private func counts(_ leftover: Leftover, _ known: KnownSnapshots) -> Bool {
    switch leftover.kind {
    case .temporary, .claim, .folder: false
    case .data, .sidecar: known.reachable.names(layout.key(of: leftover.path))
    case .manifest:
      FileSystem.parent(of: leftover.path).flatMap { SnapshotID(Self.name(of: $0)) }.map {
        known.reachable.place(of: $0) != nil
      } ?? true
    }
  }

  /// - Returns: why it failed, too.
  private func remove(_ leftover: Leftover) -> (LeftoverFate, String?) {
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

  private func isHeld(_ leftover: Leftover) -> Bool {
    guard let hold = LeftoverGuard(leftover) else { return true }
    hold.end()
    return false
  }

  private static func name(of path: String) -> Substring { path.split(separator: "/").last ?? "" }
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
