import QuarryCore

/// Reads the lines of the chosen runs, then those that are committed later, as long as it is told to.
///
/// A run that a job or a ledger chooses later than its first records were committed is read whole when it is chosen. A bucket's
/// store that does not answer is waited for, once it has answered.
struct RecordFollower {
  private(set) var stream: RecordStream
  /// The newest snapshot whose records were read.
  private var head: SnapshotID?
  /// What `latest` named when it was looked at last.
  private var pointer: SnapshotID?
  /// Tasks that have a run that counts.
  private var tasks: Set<String> = []
  /// Paths of runs that are of another job.
  private var others: Set<String> = []

  init(
    layout: DatasetLayout, query: RecordQuery, note: @escaping (String) -> Void, patience: Patience
  ) throws(QuarryError) {
    // An address where nobody has ever answered is told at once.
    if !layout.isOnDisk {
      _ = try layout.described { () throws(FileFailure) in try layout.store.bytes(layout.pointer) }
    }
    stream = try RecordStream(layout: layout.through(PatientStore(layout, patience)), query: query, note: note)
    head = stream.inspector.reader.head
    pointer = head
  }

  private var layout: DatasetLayout { stream.layout }

  /// - Parameters:
  ///   - pause: called when all was read; false ends it.
  ///   - body: returns false to stop.
  mutating func follow(pause: () -> Bool, body: (UnsafeRawBufferPointer) -> Bool) throws(QuarryError) {
    if stream.query.runs.isAcceptedOnly {
      for job in try stream.ledger.jobs() { try noteTasks(of: job) }
    }
    try stream.read(body)
    while !stream.isEnded, pause() { try readOn(body) }
  }

  private mutating func noteTasks(of job: LedgerJob) throws(QuarryError) {
    let runs = try stream.ledger.acceptedRuns(fleet: job.fleet, jobID: job.jobID)
    tasks.formUnion(runs.map(\.taskID))
  }

  private mutating func readOn(_ body: (UnsafeRawBufferPointer) -> Bool) throws(QuarryError) {
    let newer = try newerSnapshots()
    for id in newer.reversed() where !stream.isEnded {
      guard let manifest = try stream.manifest(id) else { continue }
      for file in manifest.files where !stream.isEnded {
        try choose(by: file, in: id, body)
        if stream.isWanted(file) { try stream.read(file, body) }
      }
    }
  }

  /// Those that came since, newest first; none also while a bucket's store does not answer at a glance, which it says itself.
  private mutating func newerSnapshots() throws(QuarryError) -> [SnapshotID] {
    let found: Newer?
    do throws(FileFailure) { found = try findNewer() } catch {
      guard error.isOutage else { throw error.described(layout) }
      return []
    }
    guard let found else { return [] }
    guard found.follows else {
      throw QuarryError(
        .storage, "the dataset \(layout.folder) is no longer the one that was followed", remedy: "begin again")
    }
    stream.inspector = RunInspector(reader: found.reader)
    stream.tellWarnings()
    pointer = found.pointer
    head = found.ids.first ?? head
    return found.ids
  }

  /// - Returns: nil where there is nothing yet.
  private func findNewer() throws(FileFailure) -> Newer? {
    let named = try ChainReader(layout: layout).glanceAtPointer()
    if named == pointer { return nil }
    var newer = Newer(reader: try PartitionReader(layout: layout), pointer: named)
    // Others move the pointer before its manifest is there: then it is looked for again.
    if case .dangling = newer.reader.chain.damage { return nil }
    var ids: [SnapshotID] = []
    let end = try newer.reader.chain.walk(from: newer.reader.newest, downTo: head) { ids.append($0.id) }
    newer.ids = ids
    newer.follows = end == head
    return newer
  }

  private struct Newer {
    var reader: PartitionReader
    let pointer: SnapshotID?
    /// Newest first.
    var ids: [SnapshotID] = []
    /// The one before them is that which was read last.
    var follows = false

    init(reader: PartitionReader, pointer: SnapshotID?) {
      self.reader = reader
      self.pointer = pointer
    }
  }

  /// Whether a file's run is one to read from now on; what was committed of it before is read at once.
  private mutating func choose(
    by file: Manifest.File, in id: SnapshotID, _ body: (UnsafeRawBufferPointer) -> Bool
  ) throws(QuarryError) {
    guard stream.chosen != nil, let partition = layout.partition(ofDataKey: file.path), let run = RunPath(partition)
    else { return }
    if stream.query.runs.isAcceptedOnly {
      guard run.source == LodeLedger.source else { return }
      for accepted in try newlyAccepted(file, job: run.runID) { try chooseRun(accepted, before: id, body) }
    } else if !isDecided(run), stream.query.runs.accepts(run) {
      let index = try stream.inspector.index(of: run)
      let beginning = try stream.inspector.beginning(of: run, index: index)
      if beginning?.jobID == stream.query.runs.jobID {
        try take(run, index, before: id, body)
      } else if beginning?.attempt != nil {
        // An event was met, which would name the job; chunks of an artifact say nothing.
        others.insert(run.path)
      }
    }
  }

  private func isDecided(_ run: RunPath) -> Bool {
    others.contains(run.path) || stream.chosen?.contains(run.path) == true
  }

  /// Ids of runs that count from now on.
  private mutating func newlyAccepted(_ file: Manifest.File, job: String) throws(QuarryError) -> [String] {
    guard stream.query.runs.jobID.map({ $0 == job }) ?? true else { return [] }
    var runs: [AcceptedRun] = []
    var removed = RemovedRecords(layout: layout)
    let damages = try CheckedLines(layout: layout, file: file).forEach(&removed) { line, _ in
      if let run = AcceptedRun(line) { runs.append(run) }
      return true
    }
    if let damage = damages.first { throw LedgerReader.notWhole(job, damage) }
    return runs.filter { tasks.insert($0.taskID).inserted }.map(\.runID)
  }

  private mutating func chooseRun(
    _ runID: String, before id: SnapshotID, _ body: (UnsafeRawBufferPointer) -> Bool
  ) throws(QuarryError) {
    var filter = stream.query.runs
    filter.runID = filter.runID ?? runID
    guard filter.runID == runID else { return }
    var runs: [RunPath] = []
    try RunFinder(layout: layout).runs(filter) { runs.append($0) }
    for run in runs where !isDecided(run) { try take(run, try stream.inspector.index(of: run), before: id, body) }
  }

  private mutating func take(
    _ run: RunPath, _ index: RunInspector.Index, before id: SnapshotID, _ body: (UnsafeRawBufferPointer) -> Bool
  ) throws(QuarryError) {
    stream.chosen?.insert(run.path)
    stream.figures.runs += 1
    for earlier in index.ids where earlier < id && !stream.isEnded {
      guard let manifest = try stream.manifest(earlier) else { continue }
      for (_, file) in stream.inspector.files(of: run, in: manifest) where stream.isWanted(file) && !stream.isEnded {
        try stream.read(file, body)
      }
    }
  }
}
