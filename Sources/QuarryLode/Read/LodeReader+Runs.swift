import QuarryCore

extension LodeReader {
  /// Runs, the newest first. Cost follows the limit, not the size of the dataset.
  package func runs(_ filter: RunFilter = RunFilter(), limit: Int = .max) throws(QuarryError) -> Listing<RunSummary> {
    if let listing = try newest(filter, limit: limit) { return listing }
    var rows: [RunSummary] = []
    let warnings = try eachRun(filter) { run in
      if rows.count < limit { rows.append(run) }
      return rows.count < limit
    }
    return Listing(rows: rows, warnings: warnings)
  }

  /// Calls `visit` with each run that the filter lets through, the newest first (`RunSummary.isNewer`), until it returns
  /// false. Memory does not grow with the dataset once there is an index.
  /// - Returns: a sentence for each thing that could not be read.
  @discardableResult
  package func eachRun(
    _ filter: RunFilter = RunFilter(), visit: (RunSummary) throws(QuarryError) -> Bool
  ) throws(QuarryError) -> [String] {
    guard filter.source != LodeLedger.source else {
      let listing = try runs(filter)
      for run in listing.rows where try !visit(run) { break }
      return listing.warnings
    }
    let catalog = try RunCatalog(layout: layout)
    var judge = LivenessJudge(filter.liveness, layout: layout)
    try catalog.forEach(filter) { entry throws(QuarryError) in
      guard let run = catalog.summary(of: entry, judge: &judge), filter.accepts(run) else { return true }
      return try visit(run)
    }
    return catalog.warnings + judge.warnings
  }

  /// How many runs the filter lets through.
  package func runCounts(_ filter: RunFilter = RunFilter()) throws(QuarryError) -> RunCounts {
    var counts = RunCounts()
    let catalog = try RunCatalog(layout: layout)
    var judge = LivenessJudge(filter.liveness, layout: layout)
    try catalog.forEach(filter) { entry in
      if entry.state != .running {
        counts.add(entry.state)
      } else if let run = catalog.summary(of: entry, judge: &judge), filter.accepts(run) {
        counts.add(run)
      }
      return true
    }
    counts.warnings = catalog.warnings + judge.warnings
    return counts
  }

  /// How far clocks of machines are thought to differ at most: an hour, in nanoseconds.
  private static let clockDifference: UInt64 = 3_600_000_000_000

  /// Runs that were derived from this one or retried it, and those below them, so many levels; the newest first.
  package func descendants(
    of run: RunSummary, levels: Int = 64, liveness: Liveness = Liveness()
  ) throws(QuarryError) -> Listing<RunSummary> {
    let catalog = try RunCatalog(layout: layout)
    var judge = LivenessJudge(liveness, layout: layout)
    // They began after its first event, though they may be in storage before it (a policy may keep that back), and machines'
    // clocks differ.
    let began = run.startedAt.map { UInt64(max(0, $0.nanoseconds)) } ?? run.firstSnapshot.value
    let first = min(began, run.firstSnapshot.value)
    let oldest = SnapshotID(first - min(first, Self.clockDifference))
    var rows: [String: RunSummary] = [:]
    var parents: Set = [run.runID]
    for _ in 0..<levels where !parents.isEmpty {
      var found: Set<String> = []
      try catalog.forEach(RunFilter()) { entry in
        guard entry.first >= oldest else { return false }
        guard let parent = entry.string(.parentRunID) ?? entry.string(.originRunID), parents.contains(parent),
          let child = catalog.summary(of: entry, judge: &judge), child.runID != run.runID, rows[child.runID] == nil
        else { return true }
        rows[child.runID] = child
        found.insert(child.runID)
        return true
      }
      parents = found
    }
    return Listing(rows: rows.values.sorted { $0.isNewer(than: $1) }, warnings: catalog.warnings + judge.warnings)
  }

  /// The newest runs by the chain alone, where it tells them soon; else nil.
  private func newest(_ filter: RunFilter, limit: Int) throws(QuarryError) -> Listing<RunSummary>? {
    var reach = RunLister.reach
    if filter.source == LodeLedger.source {
      // Ledgers are not in the index.
      reach = .max
    } else if limit == .max || filter != RunFilter() && RunCatalog.isThere(layout) {
      return nil
    }
    var lister = try RunLister(layout: layout, filter: filter, limit: limit)
    return try lister.list(reach: reach)
  }
}
