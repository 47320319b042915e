import QuarryCore

/// Answers the reading commands from what is stored. Changes nothing but the index of runs, which is derived
/// (`RunCatalog`); every call blocks.
///
/// A dataset or root that is not there is empty, not an error. What cannot be read is named in `warnings` and left out.
package struct LodeReader: Sendable {
  package let layout: DatasetLayout

  package init(_ layout: DatasetLayout) { self.layout = layout }

  /// - Parameter root: absolute path of the storage folder.
  package init(root: String, dataset: String = "quarry") { self.init(DatasetLayout(root: root, dataset: dataset)) }

  /// Whether there is anything of the dataset.
  package func exists() throws(QuarryError) -> Bool {
    try layout.described { () throws(FileFailure) in try !layout.store.names(in: layout.folder).isEmpty }
  }

  /// Ids of the datasets that lie beside this one; sorted.
  package func others() throws(QuarryError) -> [String] {
    let names = try layout.described { () throws(FileFailure) in try layout.store.names(in: "\(layout.root)/datasets") }
    return names.filter { $0 != layout.dataset && !$0.hasPrefix(".") }.sorted()
  }

  /// Whether there are other things where datasets should lie, and no datasets.
  package func isPlaceOfOthers() throws(QuarryError) -> Bool {
    try layout.described { () throws(FileFailure) in
      guard try !layout.store.hasFolder("\(layout.root)/datasets") else { return false }
      // What begins with a dot may be git's, or a writer's that tries the bucket before it begins.
      return try layout.store.holdsAnything(layout.root)
    }
  }

  /// - Parameters:
  ///   - types: only records of these event types are looked at, besides those that tell the run's state; nil for all.
  ///   - note: told of each thing that could not be read, with its path: the run may lie there that was not found.
  /// - Returns: nil when no snapshot holds records of such a run.
  package func run(
    _ runID: String, types: Set<String>? = nil, liveness: Liveness = Liveness(), note: (String) -> Void = { _ in }
  ) throws(QuarryError) -> RunDetail? {
    var inspector = try inspector()
    for path in try paths(of: runID, note) {
      let index = try inspector.index(of: path)
      guard let summary = try inspector.summary(of: path, index: index) else { continue }
      var judge = LivenessJudge(liveness, layout: layout)
      var reader = RunDetailReader(layout: layout, summary: judge.judged(summary), types: types)
      let error = try inspector.record("run_error", of: path)
      try reader.read(&inspector, index: index)
      var detail = reader.detail
      detail.error = error?["payload"]
      tellAcceptance(&detail, note)
      (reader.warnings + judge.warnings).forEach(note)
      return detail
    }
    inspector.warnings.forEach(note)
    return nil
  }

  private func tellAcceptance(_ detail: inout RunDetail, _ note: (String) -> Void) {
    guard let task = detail.summary.taskID, let job = detail.summary.jobID else { return }
    do throws(QuarryError) {
      let ledger = LedgerReader(layout: layout)
      let counting = try ledger.acceptedRuns(fleet: nil, jobID: job).first { $0.taskID == task }
      if let counting {
        detail.isAccepted = counting.runID == detail.summary.runID
      } else if try ledger.endedTasks(jobID: job)[task] != nil {
        detail.isAccepted = false
      }
    } catch { note(error.message) }
  }

  /// The run's beginning and end alone; nil when no snapshot holds records of such a run.
  /// - Parameter note: as of `run`, but for what every question to the dataset says.
  package func summary(
    of runID: String, liveness: Liveness = Liveness(), note: (String) -> Void = { _ in }
  ) throws(QuarryError) -> RunSummary? {
    var inspector = try inspector(checksChain: false)
    defer { inspector.warnings.forEach(note) }
    for path in try paths(of: runID, note) {
      let index = try inspector.index(of: path)
      guard let summary = try inspector.summary(of: path, index: index) else { continue }
      var judge = LivenessJudge(liveness, layout: layout)
      return judge.judged(summary)
    }
    return nil
  }

  /// Ids of runs, of the last days first, by their paths alone: for proposals, so what may not be looked at is left out, and
  /// told by whatever the proposals are for.
  package func runIDs(limit: Int) throws(QuarryError) -> [String] {
    try layout.described { () throws(FileFailure) in
      var days: [String] = []
      let finder = RunFinder(layout: layout, forgiven: ForgivenFailures())
      try finder.days { if !$0.hasPrefix("source=\(LodeLedger.source)/") { days.append($0) } }
      var ids: [String] = []
      for day in days.sorted(by: { $0.suffix(10) > $1.suffix(10) }) where ids.count < limit {
        let names = try finder.children(of: day, key: "run_id=", value: nil)
        ids += names.sorted(by: >).prefix(limit - ids.count).compactMap { RunPath("\(day)/\($0)")?.runID }
      }
      return ids
    }
  }

  /// Calls `body` with each stored line that the query asks for, without its newline: in the order of the chain, within a
  /// snapshot by partition, then as they were written. What was committed after the call began is not seen.
  /// - Parameters:
  ///   - note: told of each manifest, file and line that is damaged, and passed over, with its path.
  ///   - body: returns false to stop.
  @discardableResult
  package func records(
    _ query: RecordQuery, note: @escaping (String) -> Void = { _ in }, body: (UnsafeRawBufferPointer) -> Bool
  ) throws(QuarryError) -> RecordFigures {
    var stream = try RecordStream(layout: layout, query: query, note: note)
    try stream.read(body)
    return stream.figures
  }

  /// The same, and then what is committed later, until `pause` or `body` returns false. A run that a job or a ledger
  /// chooses after its first records were committed is read whole then.
  /// - Parameters:
  ///   - pause: called when all that was committed has been read.
  ///   - outage: called in the middle of reading, between two looks whether a bucket's store that had answered before answers
  ///     again; false ends it, too. On any thread, and on several at once.
  package func follow(
    _ query: RecordQuery, note: @escaping (String) -> Void = { _ in }, pause: () -> Bool,
    outage: @escaping @Sendable () -> Bool, body: (UnsafeRawBufferPointer) -> Bool
  ) throws(QuarryError) -> RecordFigures {
    let patience = Patience(outage)
    var follower: RecordFollower?
    do throws(QuarryError) {
      follower = try RecordFollower(layout: layout, query: query, note: note, patience: patience)
      try follower?.follow(pause: pause, body: body)
    } catch {
      // Told to stop in the middle of an outage.
      guard patience.isOver else { throw error }
    }
    return follower?.stream.figures ?? RecordFigures()
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
    } catch { throw error.described(layout) }
  }

  /// Jobs that have a ledger, the newest first.
  package func ledgerJobs() throws(QuarryError) -> [LedgerJob] { try LedgerReader(layout: layout).jobs() }

  /// The run that counts for each task of a job, by its ledger.
  package func acceptedRuns(jobID: String) throws(QuarryError) -> [AcceptedRun] {
    try LedgerReader(layout: layout).acceptedRuns(fleet: nil, jobID: jobID)
  }

  /// For queries that do not follow the chain.
  /// - Parameter checksChain: false where another part of the same query does.
  func inspector(checksChain: Bool = true) throws(QuarryError) -> RunInspector {
    let reader = try layout.described { () throws(FileFailure) in
      var reader = try PartitionReader(layout: layout)
      if checksChain { try reader.checkChain() }
      return reader
    }
    return RunInspector(reader: reader)
  }

  private func paths(of runID: String, _ note: (String) -> Void) throws(QuarryError) -> [RunPath] {
    let forgiven = ForgivenFailures()
    defer { forgiven.messages(root: layout.root).forEach(note) }
    let found = try layout.described { () throws(FileFailure) in
      try RunFinder(layout: layout, forgiven: forgiven).find(runID: runID)
    }
    return found.filter { $0.source != LodeLedger.source }
  }
}
