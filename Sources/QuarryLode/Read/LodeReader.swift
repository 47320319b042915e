import QuarryCore

/// Answers the reading commands from what is stored. Changes nothing; every call blocks.
///
/// A dataset or root that is not there is empty, not an error. What cannot be read is named in `warnings` and left out.
package struct LodeReader: Sendable {
  package let layout: DatasetLayout

  /// - Parameter root: absolute path of the storage folder.
  package init(root: String, dataset: String = "quarry") {
    layout = DatasetLayout(root: root, dataset: dataset)
  }

  /// Runs, the newest first. Cost follows the limit, not the size of the dataset, unless a filter finds few.
  package func runs(_ filter: RunFilter = RunFilter(), limit: Int = .max) throws(QuarryError) -> Listing<RunSummary> {
    var lister = try RunLister(layout: layout, filter: filter, limit: limit)
    return try lister.list()
  }

  /// - Returns: nil when no snapshot holds records of such a run.
  package func run(_ runID: String) throws(QuarryError) -> RunDetail? {
    var inspector = try inspector()
    for path in try paths(of: runID) {
      let index = try inspector.index(of: path)
      guard let summary = try inspector.summary(of: path, index: index) else { continue }
      var reader = RunDetailReader(layout: layout, summary: summary)
      try reader.read(&inspector, index: index)
      return reader.detail
    }
    return nil
  }

  /// Runs that were derived from this one, or retried it. They began after its first event, though they may be in
  /// storage before it (a policy may keep that back): the walk ends with what was stored before that event.
  package func children(of run: RunSummary) throws(QuarryError) -> Listing<RunSummary> {
    var lister = try RunLister(layout: layout, filter: RunFilter(), limit: .max)
    let began = run.startedAt.map { SnapshotID(UInt64(max(0, $0.nanoseconds))) } ?? run.firstSnapshot
    var listing = try lister.list(from: min(began, run.firstSnapshot))
    listing.rows.removeAll { $0.parentRunID != run.runID && $0.originRunID != run.runID }
    return listing
  }

  /// Calls `body` with each stored line of a run, without its newline, in the order of the chain.
  /// - Parameters:
  ///   - type: an event type, or nil for all; order between types within one snapshot is by type.
  ///   - body: returns false to stop.
  package func records(
    of runID: String, type: String? = nil, body: (UnsafeRawBufferPointer) throws(QuarryError) -> Bool
  ) throws(QuarryError) {
    var inspector = try inspector()
    var goesOn = true
    for path in try paths(of: runID) {
      for id in try inspector.index(of: path).ids {
        guard let manifest = try inspector.manifest(id) else { continue }
        for (fileType, file) in inspector.files(of: path, in: manifest)
        where goesOn && type.map({ $0 == fileType }) ?? true {
          try RecordLines(path: layout.path(of: file.path)).forEach { line throws(QuarryError) in
            goesOn = try body(line)
            return goesOn
          }
        }
      }
    }
  }

  /// The whole chain, the newest snapshot first.
  package func chain() throws(QuarryError) -> Listing<Manifest> {
    var chain = ChainReader(layout: layout)
    do throws(FileFailure) {
      var manifests: [Manifest] = []
      var current = try chain.head()
      while let manifest = current {
        manifests.append(manifest)
        current = try chain.parent(of: manifest)
      }
      return Listing(rows: manifests, warnings: chain.warnings)
    } catch { throw error.described(root: layout.root) }
  }

  /// Jobs that have a ledger, the newest first.
  package func ledgerJobs() throws(QuarryError) -> [LedgerJob] { try LedgerReader(layout: layout).jobs() }

  /// The run that counts for each task of a job, by its ledger.
  package func acceptedRuns(jobID: String) throws(QuarryError) -> [AcceptedRun] {
    try LedgerReader(layout: layout).acceptedRuns(fleet: nil, jobID: jobID)
  }

  private func inspector() throws(QuarryError) -> RunInspector {
    RunInspector(reader: try layout.described { () throws(FileFailure) in try PartitionReader(layout: layout) })
  }

  private func paths(of runID: String) throws(QuarryError) -> [RunPath] {
    try layout.described { () throws(FileFailure) in
      try RunFinder(layout: layout).find(runID: runID).filter { $0.source != LodeLedger.source }
    }
  }
}
