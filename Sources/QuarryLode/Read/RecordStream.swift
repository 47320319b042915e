import QuarryCore

/// Which records to read; nil and empty let all through.
package struct RecordQuery: Sendable, Equatable {
  package var runs: RunFilter
  package var types: Set<String>

  package init(runs: RunFilter = RunFilter(), types: Set<String> = []) {
    self.runs = runs
    self.types = types
  }
}

/// What a stream of records has come by.
package struct RecordFigures: Sendable, Equatable {
  /// Runs whose paths fit the query.
  package var found = 0
  /// Those of them whose job and ledger fit it too.
  package var runs = 0
  /// Event types of these runs, wanted or not.
  package var types: Set<String> = []
  package var records: Int64 = 0
  /// Manifests, files and lines that could not be read.
  package var damages = 0
}

/// Reads the lines of the chosen runs in the order of the chain. For one query on one thread.
///
/// Memory: the longest line, eight bytes for each snapshot of the chosen runs, and the paths of the runs that a job or a
/// ledger has chosen.
struct RecordStream {
  var inspector: RunInspector
  let query: RecordQuery
  private let note: (String) -> Void
  var figures = RecordFigures()
  /// Paths of the runs to read; nil when their paths alone decide.
  var chosen: Set<String>?
  /// Nobody wants more.
  private(set) var isEnded = false
  private var told: Set<String> = []
  private var removed: RemovedRecords

  /// - Parameter note: told of each thing that cannot be read, once.
  init(layout: DatasetLayout, query: RecordQuery, note: @escaping (String) -> Void) throws(QuarryError) {
    inspector = try LodeReader(layout).inspector()
    removed = RemovedRecords(layout: layout)
    self.query = query
    self.note = note
    chosen = query.runs.jobID == nil && !query.runs.isAcceptedOnly ? nil : []
    tellWarnings()
  }

  var layout: DatasetLayout { inspector.reader.layout }
  /// As of the same snapshot as the records: a later acceptance is of a run that may not be there yet.
  var ledger: LedgerReader { LedgerReader(layout: layout, reader: inspector.reader) }

  /// - Parameter body: returns false to stop.
  mutating func read(_ body: (UnsafeRawBufferPointer) -> Bool) throws(QuarryError) {
    for id in try snapshots().sorted() where !isEnded {
      guard let manifest = try manifest(id) else { continue }
      for file in manifest.files where isWanted(file) && !isEnded { try read(file, body) }
    }
  }

  /// Nil for one that is not on the chain, or cannot be read.
  mutating func manifest(_ id: SnapshotID) throws(QuarryError) -> Manifest? {
    defer { tellWarnings() }
    guard let manifest = try inspector.manifest(id) else { return nil }
    if let problem = manifest.unknownFormat { tell("snapshot \(id) is passed over: \(problem)") }
    return manifest.unknownFormat == nil ? manifest : nil
  }

  /// The snapshots that hold records of the chosen runs.
  private mutating func snapshots() throws(QuarryError) -> Set<SnapshotID> {
    let finder = RunFinder(layout: layout, forgiven: ForgivenFailures())
    let accepted =
      query.runs.isAcceptedOnly ? try ledger.acceptedRunIDs(jobID: query.runs.jobID) : nil
    var ids: Set<SnapshotID> = []
    try eachRun(by: finder) { run throws(QuarryError) in
      let index = try inspector.index(of: run)
      guard index.first != nil else { return }
      figures.found += 1
      guard accepted?.contains(run.runID) ?? true else { return }
      figures.runs += 1
      chosen?.insert(run.path)
      figures.types.formUnion(index.partitions.filter { !$0.ids.isEmpty }.map(\.type))
      ids.formUnion(index.ids)
    }
    tellWarnings()
    for message in finder.forgiven?.messages(root: layout.root) ?? [] { tell(message) }
    return ids
  }

  /// Those of the query, whether they count or not: by their folders, or where a job chooses, which no path tells, by the
  /// index. Ledgers are not in it, and lie under their job's id.
  private func eachRun(
    by finder: RunFinder, _ visit: (RunPath) throws(QuarryError) -> Void
  ) throws(QuarryError) {
    var filter = query.runs
    filter.isAcceptedOnly = false
    if filter.source == LodeLedger.source {
      guard filter.jobID == nil || filter.runID == nil || filter.jobID == filter.runID else { return }
      filter.runID = filter.runID ?? filter.jobID
    } else if filter.jobID != nil {
      let catalog = try RunCatalog(layout: layout)
      return try catalog.forEach(filter) { entry throws(QuarryError) in
        if let run = catalog.summary(of: entry) { try visit(run.path) }
        return true
      }
    }
    try finder.runs(filter, visit: visit)
  }

  func isWanted(_ file: Manifest.File) -> Bool {
    guard let partition = layout.partition(ofDataKey: file.path), let run = RunPath(partition),
      let type = RunPath.eventType(partition)
    else { return false }
    return (query.types.isEmpty || query.types.contains(type)) && query.runs.accepts(run)
      && chosen?.contains(run.path) ?? true
  }

  mutating func read(_ file: Manifest.File, _ body: (UnsafeRawBufferPointer) -> Bool) throws(QuarryError) {
    var records = figures.records
    var isEnded = isEnded
    let damages = try CheckedLines(layout: layout, file: file).forEach(&removed) { line, _ in
      records += 1
      isEnded = !body(line)
      return !isEnded
    }
    figures.records = records
    self.isEnded = isEnded
    for damage in damages { tell(damage) }
  }

  private mutating func tell(_ damage: String) {
    guard told.insert(damage).inserted else { return }
    figures.damages += 1
    note(damage)
  }

  mutating func tellWarnings() {
    for warning in inspector.warnings { tell(warning) }
  }
}
