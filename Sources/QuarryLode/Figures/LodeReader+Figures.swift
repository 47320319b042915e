import QuarryCore

/// What figures are made of: one record at a time, so that memory does not grow with the dataset.
extension LodeReader {
  /// Calls `body` with the metrics record of each run that the filter lets through and that has one: the newest first where
  /// there is a limit, else in no particular order. Where paths tell which runs are wanted nothing but metrics is read.
  /// - Returns: a sentence for each thing that could not be read.
  package func forEachMetrics(
    _ filter: RunFilter, limit: Int? = nil, body: (RunPath, JSONValue) -> Void
  ) throws(QuarryError) -> [String] {
    if let limit { return try newestMetrics(filter, limit: limit, body: body) }
    if filter.since != nil || RunCatalog.isThere(layout) { return try indexedMetrics(filter, body: body) }
    var inspector = try inspector()
    let accepted = try acceptedRunIDs(filter)
    let forgiven = ForgivenFailures()
    try RunFinder(layout: layout, forgiven: forgiven).runs(filter) { path throws(QuarryError) in
      guard accepted?.contains(path.runID) ?? true, let record = try inspector.record("metrics", of: path),
        filter.acceptsMetrics(record)
      else { return }
      body(path, record)
    }
    return inspector.warnings + forgiven.messages(root: layout.root)
  }

  /// The index says which runs these are, and when they began; where there is none it is made.
  private func indexedMetrics(
    _ filter: RunFilter, body: (RunPath, JSONValue) -> Void
  ) throws(QuarryError) -> [String] {
    var inspector = try inspector()
    let warnings = try eachRun(filter, limit: nil) { run throws(QuarryError) in
      if let record = try inspector.record("metrics", of: run.path) { body(run.path, record) }
    }
    return Self.joined(warnings, inspector.warnings)
  }

  private func newestMetrics(
    _ filter: RunFilter, limit: Int, body: (RunPath, JSONValue) -> Void
  ) throws(QuarryError) -> [String] {
    let listing = try runs(filter, limit: limit)
    // Made only then: it sees no less than the listing.
    var inspector = try inspector()
    for run in listing.rows {
      if let record = try inspector.record("metrics", of: run.path) { body(run.path, record) }
    }
    return Self.joined(listing.warnings, inspector.warnings)
  }

  /// None twice.
  private static func joined(_ warnings: [String], _ more: [String]) -> [String] {
    warnings + more.filter { !warnings.contains($0) }
  }

  /// Calls `visit` with the newest runs, so many at most; nil for all.
  package func eachRun(
    _ filter: RunFilter, limit: Int?, visit: (RunSummary) throws(QuarryError) -> Void
  ) throws(QuarryError) -> [String] {
    guard let limit else {
      return try eachRun(filter) { run throws(QuarryError) in
        try visit(run)
        return true
      }
    }
    let listing = try runs(filter, limit: limit)
    for run in listing.rows { try visit(run) }
    return listing.warnings
  }

  private func acceptedRunIDs(_ filter: RunFilter) throws(QuarryError) -> Set<String>? {
    filter.isAcceptedOnly ? try LedgerReader(layout: layout).acceptedRunIDs(jobID: filter.jobID) : nil
  }
}

extension RunFilter {
  /// As far as the record says: the job, and how the run ended.
  fileprivate func acceptsMetrics(_ record: JSONValue) -> Bool {
    let ended: RunState = record["runs_completed_total"]?.integer ?? 0 > 0 ? .succeeded : .failed
    return jobID.map { $0 == record["job_id"]?.string } ?? true && state.map { $0 == ended } ?? true
  }
}
