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
/// alone. What a writer is about to commit is younger than the least age; and should a clock say otherwise, or a writer have
/// been stopped for longer, it looks for its data before it commits (`CommitPlanner`). Files beside records may wait for their commit as long as their run goes on:
/// its process holds their folder (`FolderHold`).
package struct LeftoverCollector {
  /// More than the time for which a writer to a bucket trusts that its own data is there.
  package static let leastAge = Duration.seconds(900)
  /// How many leftovers go in one hold of the lock.
  private static let batchSize = 128

  private let layout: DatasetLayout
  private let sweeper: any LeftoverSweeper
  private let age: Duration
  private let now: Timestamp?
  private let deadline: Duration

  /// - Parameters:
  ///   - age: how long ago a leftover was last changed, at least.
  ///   - now: nil asks the store, whose time that of its files is.
  ///   - deadline: how long to wait for the lock.
  ///   - flags: see `DatasetLayout`.
  package init(
    _ store: any WritableStore, dataset: String, age: Duration, now: Timestamp? = nil,
    deadline: Duration = .seconds(60), flags: String = ""
  ) {
    layout = DatasetLayout(store, dataset: dataset, flags: flags)
    sweeper = store.sweeper(of: layout)
    self.age = age
    self.now = now
    self.deadline = deadline
  }

  /// On disk.
  package init(
    root: String, dataset: String, age: Duration, now: Timestamp? = nil, files: FileSystem = FileSystem(),
    deadline: Duration = .seconds(60)
  ) {
    self.init(
      DiskStore(root: root, files: files), dataset: dataset, age: age, now: now, deadline: deadline)
  }

  /// - Parameters:
  ///   - removes: false only tells.
  ///   - report: told of each leftover once.
  /// - Throws: `QuarryError(.storage)` when it cannot be told what counts, or the lock is not free in time.
  package func collect(
    removes: Bool, report: (Leftover, LeftoverFate) -> Void
  ) throws(QuarryError) {
    let now = try time()
    var known = try KnownSnapshots(layout: layout)
    var batch: [Leftover] = []
    var refusal: QuarryError?
    try layout.described { () throws(FileFailure) in
      try layout.store.leftovers(of: layout, besides: known.kept) { leftover in
        guard refusal == nil else { return }
        guard isOld(leftover, at: now) else { return report(leftover, .young) }
        guard removes else { return report(leftover, sweeper.isHeld(leftover) ? .held : .removable) }
        batch.append(leftover)
        guard batch.count == Self.batchSize else { return }
        do throws(QuarryError) { try remove(batch, &known, now, report) } catch { refusal = error }
        batch = []
      }
    }
    if let refusal { throw refusal }
    if !batch.isEmpty { try remove(batch, &known, now, report) }
  }

  private func time() throws(QuarryError) -> Timestamp {
    if let now { return now }
    return try layout.described { () throws(FileFailure) in try layout.store.now(in: layout.folder) }
  }

  private func isOld(_ leftover: Leftover, at now: Timestamp) -> Bool {
    now - leftover.modified >= max(age, sweeper.leastAge(of: leftover.kind))
  }

  private func remove(
    _ batch: [Leftover], _ known: inout KnownSnapshots, _ now: Timestamp,
    _ report: (Leftover, LeftoverFate) -> Void
  ) throws(QuarryError) {
    let turn = try sweeper.begin(within: deadline)
    defer { turn.end() }
    try known.catchUp()
    let reachable = known
    for (leftover, fate) in sweeper.remove(batch, if: { isOld($0, at: now) && !counts($0, reachable) }) {
      report(leftover, fate)
    }
  }

  private func counts(_ leftover: Leftover, _ known: KnownSnapshots) -> Bool {
    switch leftover.kind {
    case .temporary, .folder, .upload, .claim: false
    case .data, .sidecar: known.kept.names(layout.key(of: leftover.path))
    case .manifest:
      FileSystem.parent(of: leftover.path).flatMap { SnapshotID(Self.name(of: $0)) }.map {
        known.kept.place(of: $0) != nil
      } ?? true
    }
  }

  private static func name(of path: String) -> Substring { path.split(separator: "/").last ?? "" }
}
