import Glibc
import QuarryCore

/// What a commit needs to know before it changes anything; the same for every store.
struct CommitPlanner: Sendable {
  /// The newest snapshot, as far as those that follow it need to know it.
  struct Head: Sendable {
    let id: SnapshotID
    let createdAt: Timestamp
  }

  /// One snapshot to be, with its place in the chain.
  struct Numbered: Sendable {
    let plan: SnapshotPlan
    let manifest: Manifest

    var id: SnapshotID { manifest.id }
    var head: Head {
      Head(id: id, createdAt: Timestamp(manifest.createdAt) ?? Timestamp(nanoseconds: Int64(clamping: id.value)))
    }
  }

  let layout: DatasetLayout
  let store: any WritableStore
  let clock: SnapshotClock

  /// Whether the runs, and the repair, are still this process' to write, and the data is there that may have passed for a
  /// leftover, as the store trusts it.
  func check(_ plans: [SnapshotPlan]) throws(FileFailure) {
    for claim in plans.compactMap(\.claim) where try !claim.isHeld() {
      let error = QuarryError(
        .storage,
        "another process was free to repair \(layout.folder) while this one stood still: nothing more is put back",
        remedy: "try again when no other does")
      throw FileFailure("publish", layout.folder, .claim(error))
    }
    for batch in plans.flatMap(\.batches) {
      do throws(QuarryError) { try batch.claim?.check() } catch {
        throw FileFailure("publish", "\(layout.partitions)/\(batch.run)", .claim(error))
      }
      if !isTrusted(batch.sidecarsSince ?? batch.writtenAt, store.trust.sidecars) {
        for file in batch.sidecars {
          try check(file.path)
          try check(Reachable.meta(of: file))
        }
      }
      if !isTrusted(batch.writtenAt, store.trust.data) { for file in batch.files { try check(file.path) } }
    }
  }

  private func isTrusted(_ written: Timestamp, _ trust: Duration?) -> Bool {
    trust.map { clock.time() - written <= $0 } ?? false
  }

  private func check(_ key: String) throws(FileFailure) {
    let path = layout.path(of: key)
    guard try store.exists(path) else { throw FileFailure("publish", path, ENOENT) }
  }

  /// What was committed and is not among what the head follows is noted, since the commit to come hides it, unless it was
  /// only late.
  /// - Parameters:
  ///   - known: the head as our own last commit left it.
  ///   - unpublished: of a writer that died before it moved the pointer.
  ///   - searches, looksAhead: see `ChainReader`.
  ///   - turn: what a bucket's `latest.lock` and `latest` were just now.
  func head(
    pointer: SnapshotID?, known: Head?, besides unpublished: [SnapshotID] = [], searches: Bool = false,
    looksAhead: Bool = false, as turn: S3Turn? = nil
  ) throws(FileFailure) -> Head? {
    if let known, pointer == known.id { return known }
    var chain = ChainReader(layout: layout, besides: unpublished, searches: searches, looksAhead: looksAhead)
    var newest =
      if let turn {
        try chain.head(turn.evidence, turn.pointer?.raw)
      } else {
        try chain.head()
      }
    if case .dangling? = chain.damage {
      clock.wait(ChainReader.lateness)
      chain = ChainReader(layout: layout, besides: unpublished, searches: searches)
      newest = try chain.head()
    }
    for id in try chain.lost(below: newest) { try LostSnapshots.note(id, in: layout, store: store) }
    guard let manifest = newest else { return nil }
    // Whoever looks through everything does that as well, and tells.
    if !searches { try putCanonicalBack(upTo: manifest, &chain) }
    let createdAt = Timestamp(manifest.createdAt) ?? Timestamp(nanoseconds: Int64(clamping: manifest.id.value))
    return Head(id: manifest.id, createdAt: createdAt)
  }

  /// Of an old dataset, which has only the copies in partitions: what is committed onto them names them to readers that
  /// follow nothing else.
  private func putCanonicalBack(upTo newest: Manifest, _ chain: inout ChainReader) throws(FileFailure) {
    guard chain.size(of: newest.id) == nil, try !chain.isThere(newest.id) else { return }
    var bare: [SnapshotID] = []
    _ = try chain.walk(from: newest, downTo: nil) { bare.append($0.id) }
    // The newest last: as long as it has none, the next writer begins anew.
    let paths = bare.reversed().map { chain.canonicalPath($0) }
    for (id, path) in zip(bare.reversed(), paths) {
      guard try !chain.isThere(id), let bytes = try chain.bytes(of: id) else { continue }
      _ = try store.create(path, bytes)
    }
    try store.settle(paths, .commit)
  }

  /// The snapshots to be, each with an id that is greater than those before it, and than the pointer's.
  /// - Parameter isTaken: whether an id that is greater is somebody else's all the same.
  func number(
    _ plans: [SnapshotPlan], after head: Head?, pointer: SnapshotID?, isTaken: (SnapshotID) -> Bool = { _ in false }
  ) -> [Numbered] {
    var floor = [head?.id, pointer].compactMap(\.self).max()
    var before = head
    return plans.map { plan in
      var id = plan.preferredID
      if let floor, id <= floor { id = clock.next(after: floor) }
      while isTaken(id) { id = clock.next(after: id) }
      let createdAt = max(clock.time(), before?.createdAt ?? Timestamp(nanoseconds: 0))
      let manifest = plan.manifest(
        layout: layout, id: id, parent: before?.id, createdAt: createdAt.text(fraction: 9))
      before = Head(id: id, createdAt: createdAt)
      floor = id
      return Numbered(plan: plan, manifest: manifest)
    }
  }
}
