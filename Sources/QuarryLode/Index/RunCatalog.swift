import QuarryCore

/// All runs of a dataset as of the moment it was made: those of the index, and in their place, or before them, those that
/// newer snapshots hold records of.
///
/// The index is a cache that anybody may delete. It serves when it is whole, its snapshot lies on the chain, its runs'
/// folders are there and nothing on the way to it is damaged; else every run is read, as if there were none. It is
/// written by whoever found that much was missing in it, and never by a dataset's writers.
struct RunCatalog {
  /// Less than so many snapshots and runs are read, and names listed, anew by each reader.
  private static let worthKeeping = 256

  private let layout: DatasetLayout
  private let index: RunIndexFile?
  private let recent: RecentRuns
  /// See `IndexedDays`.
  private let learned: Int
  private let head: SnapshotID?
  /// A sentence for each thing that could not be read.
  let damages: [String]
  private let leftOut: [String]
  /// The same, and one for each snapshot that does not count though it was, or may have been, committed.
  var warnings: [String] { leftOut + damages }

  /// Whether it will likely be made without reading every run.
  static func isThere(_ layout: DatasetLayout) -> Bool { layout.runIndex.map { FileReading.exists($0) } ?? false }

  /// - Parameter usesIndex: false reads every run.
  init(layout: DatasetLayout, usesIndex: Bool = true) throws(QuarryError) {
    self.layout = layout
    // Read before the head, which then is not older, whoever replaces it meanwhile.
    let index = usesIndex ? Self.index(of: layout) : nil
    let inspector = RunInspector(
      reader: try layout.described { () throws(FileFailure) in try PartitionReader(layout: layout) })
    head = inspector.reader.head
    leftOut = inspector.reader.leftOut
    (self.index, recent, learned) = try layout.indexing.tellingIfSlow(
      "reading the runs of \(layout.folder) that its index does not know yet; the next command will have less to read"
    ) { () throws(QuarryError) in try Self.read(index, with: inspector) }
    damages = recent.warnings
    keepIfWorth()
  }

  /// - Returns: the index, where it serves, and what is not in it.
  private static func read(
    _ index: RunIndexFile?, with inspector: RunInspector
  ) throws(QuarryError) -> (RunIndexFile?, RecentRuns, learned: Int) {
    // Reading everything will name what is damaged.
    if let index, inspector.warnings.isEmpty, let days = try IndexedDays(index, in: inspector.reader.layout) {
      var recent = RecentRuns(days: days.folders)
      try recent.read(with: inspector, downTo: index.head)
      if recent.end == index.head, recent.warnings.isEmpty { return (index, recent, days.learned) }
    }
    var all = RecentRuns(days: DayFolders())
    try all.read(with: inspector, downTo: nil)
    return (nil, all, 0)
  }

  /// Calls `body` with each run that the filter lets through, the newest first, until it returns false. Runs of ledgers
  /// are not among them.
  func forEach(
    _ filter: RunFilter, _ body: (RunEntry) throws(QuarryError) -> Bool
  ) throws(QuarryError) {
    let accepted = filter.isAcceptedOnly ? try LedgerReader(layout: layout).acceptedRunIDs(jobID: filter.jobID) : nil
    var filter = EntryFilter(filter, accepted: accepted)
    try forEach { entry throws(QuarryError) in
      try filter.accepts(entry, in: recent.days) ? body(entry) : true
    }
  }

  /// A run that has no end may come out as lost, whatever the filter's state.
  func summary(of entry: RunEntry, judge: inout LivenessJudge) -> RunSummary? {
    summary(of: entry).map { judge.judged($0) }
  }

  func summary(of entry: RunEntry) -> RunSummary? { recent.days.run(entry).map { entry.summary($0) } }

  /// Both in one order.
  private func forEach(_ body: (RunEntry) throws(QuarryError) -> Bool) throws(QuarryError) {
    try recent.entries.withCursor { fresh throws(QuarryError) in
      var goesOn = true
      try index?.forEach { entry throws(QuarryError) in
        while goesOn, let next = fresh.current, next.precedes(entry) {
          goesOn = try body(next)
          fresh.advance()
        }
        if goesOn, !recent.replaces(entry) { goesOn = try body(entry) }
        return goesOn
      }
      while goesOn, let next = fresh.current {
        goesOn = try body(next)
        fresh.advance()
      }
    }
  }

  private func keepIfWorth() {
    let fresh = recent.snapshots + recent.entries.count
    // A day in which runs begin has another mark with each.
    guard damages.isEmpty, max(fresh, fresh == 0 ? learned : 0) >= Self.worthKeeping else { return }
    // A cache: where it cannot be written, answers are the same and take longer. `quarry lode index` says why.
    _ = try? keep()
  }

  /// Writes the index anew.
  /// - Returns: nil when there is nothing to keep: no runs, or a store without a place for it.
  @discardableResult
  func keep() throws(QuarryError) -> RunIndexFigures? {
    guard let path = layout.runIndex, let head else { return nil }
    let folder = FileSystem.parent(of: path) ?? layout.own
    let temporary = layout.temporary("index-\(UUIDv7.make())", in: folder)
    let writer = try layout.described { () throws(FileFailure) in
      // What a bucket holds is not for everybody on this machine.
      if layout.isOnDisk {
        try FileSystem().makeFolders(folder, below: layout.root)
      } else {
        try FileSystem(mode: 0o700).makeFolders(folder, below: "")
      }
      return try RunIndexWriter(path: path, temporary: temporary)
    }
    var failure: FileFailure?
    var runs = 0
    try forEach { entry in
      do throws(FileFailure) { try writer.add(entry) } catch { failure = error }
      runs += 1
      return failure == nil
    }
    do throws(FileFailure) {
      if let failure { throw failure }
      let size = try writer.finish(head: head, days: recent.days)
      return RunIndexFigures(path: path, runs: runs, head: head, size: size, snapshotsRead: recent.snapshots)
    } catch { throw error.described(layout) }
  }

  private static func index(of layout: DatasetLayout) -> RunIndexFile? {
    // One that cannot be read is as good as none.
    guard let path = layout.runIndex, let index = try? RunIndexFile(path: path) else { return nil }
    let condition = index.condition()
    if condition == .sound { return index }
    guard condition == .senseless else { return nil }
    layout.indexing.unusable(
      "the index \(path) says what cannot be, and is not used; make it anew: quarry lode index --anew\(layout.flags)")
    return nil
  }
}
