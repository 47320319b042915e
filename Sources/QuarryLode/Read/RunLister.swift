import QuarryCore

/// Lists runs newest first by following the chain from the head, no further than the limit needs: a run is settled
/// when the walk reaches the snapshot that began it, since every run that began later has been met by then.
struct RunLister {
  /// After so many snapshots the index of runs is the shorter way.
  static let reach = 1_000

  private var inspector: RunInspector
  private let filter: RunFilter
  private let limit: Int
  /// Ids of the runs that ledgers name; nil when it does not matter.
  private let accepted: Set<String>?
  private var judge: LivenessJudge
  private var copies: MissingCopies
  private var rows: [RunSummary] = []
  private var met: Set<RunPath> = []
  /// Met runs by the snapshot that began them.
  private var unsettled: [SnapshotID: [(RunPath, RunInspector.Index)]] = [:]

  init(layout: DatasetLayout, filter: RunFilter, limit: Int) throws(QuarryError) {
    inspector = RunInspector(
      reader: try layout.described { () throws(FileFailure) in try PartitionReader(layout: layout) })
    copies = MissingCopies(layout: layout)
    self.filter = filter
    self.limit = limit
    judge = LivenessJudge(filter.liveness, layout: layout)
    accepted = filter.isAcceptedOnly ? try LedgerReader(layout: layout).acceptedRunIDs(jobID: filter.jobID) : nil
  }

  /// - Parameter reach: how many snapshots are read at most.
  /// - Returns: nil when these do not tell.
  mutating func list(reach: Int) throws(QuarryError) -> Listing<RunSummary>? {
    var current = inspector.reader.newest
    var count = 0
    while let manifest = current, rows.count < limit {
      guard count < reach else { return nil }
      count += 1
      let size = inspector.reader.chain.size(of: manifest.id)
      try inspector.reader.layout.described { () throws(FileFailure) in try copies.look(for: manifest, size: size) }
      try meet(manifest)
      try settle(unsettled.removeValue(forKey: manifest.id) ?? [])
      current = try inspector.parent(of: manifest)
    }
    if current == nil {
      for id in unsettled.keys.sorted(by: >) { try settle(unsettled[id] ?? []) }
    }
    return Listing(
      rows: rows, warnings: inspector.reader.leftOut + copies.warnings + inspector.warnings + judge.warnings)
  }

  private mutating func meet(_ manifest: Manifest) throws(QuarryError) {
    for file in manifest.files {
      guard let partition = inspector.reader.layout.partition(ofDataKey: file.path), let run = RunPath(partition),
        met.insert(run).inserted, filter.accepts(run), accepted?.contains(run.runID) ?? true
      else { continue }
      let index = try inspector.index(of: run)
      let first = try first(of: index) ?? manifest.id
      unsettled[first, default: []].append((run, index))
    }
  }

  /// Of the snapshots that are on the chain: an unfinished commit may have made folders below the head's id, which the
  /// walk never meets.
  private mutating func first(of index: RunInspector.Index) throws(QuarryError) -> SnapshotID? {
    for id in index.ids where try inspector.manifest(id) != nil { return id }
    return nil
  }

  private mutating func settle(_ runs: [(RunPath, RunInspector.Index)]) throws(QuarryError) {
    for (run, index) in runs.sorted(by: { $0.0.comesFirst(before: $1.0) }) where rows.count < limit {
      guard let found = try inspector.summary(of: run, index: index) else { continue }
      let summary = judge.judged(found)
      if filter.accepts(summary) { rows.append(summary) }
    }
  }
}
