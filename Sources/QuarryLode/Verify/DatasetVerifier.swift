import QuarryCore

/// Checks a whole dataset as it was when the check began: the chain, each file that it names, each line, each run.
///
/// Memory: forty bytes for each snapshot, sixteen for each data file and as much again for each that is gone, besides what
/// one run needs.
struct DatasetVerifier {
  private let layout: DatasetLayout
  private let reader: PartitionReader
  private let forgiven = ForgivenFailures()
  private let counter: FindingCounter
  private let tell: (Finding) -> Void
  private let report: (Finding) -> Void
  private var figures = VerifyFigures()

  init(layout: DatasetLayout, report: @escaping (Finding) -> Void) throws(QuarryError) {
    let layout = layout.through(ForgivingStore(layout, forgiven))
    self.layout = layout
    reader = try layout.described { () throws(FileFailure) in try PartitionReader(layout: layout, searches: true) }
    let counter = FindingCounter()
    self.counter = counter
    let tell = { (finding: Finding) in
      counter.count(finding)
      report(finding)
    }
    self.tell = tell
    // Of what may not be looked at there is nothing else to say.
    self.report = { [forgiven] finding in if !forgiven.has(finding.place) { tell(finding) } }
  }

  mutating func verify() throws(QuarryError) -> VerifyFigures {
    let chain = try verifyChain()
    var rows = chain.rows
    try verifyRuns(reachable: chain.reachable, missing: chain.missing, rows: &rows)
    for (id, rest) in zip(chain.reachable.ids, rows) {
      guard let rest, rest != 0 else { continue }
      let message =
        rest > 0 ? "it says \(rest) more records than there are" : "there are \(-rest) more records than it says"
      report(Finding(.error, .rows, "\(layout.canonicalFolder(id))/manifest.json", message))
    }
    try findLeftovers(chain.reachable)
    for warning in reader.leftOut { report(Finding(.error, .chain, layout.folder, warning)) }
    for failure in forgiven.all {
      tell(Finding(.error, .file, failure.path, failure.sentence(layout)))
    }
    figures.errors = counter.errors
    figures.notes = counter.notes
    return figures
  }

  private mutating func verifyChain() throws(QuarryError) -> ChainVerifier {
    var chain = ChainVerifier(chain: reader.chain, report: report)
    try layout.described { () throws(FileFailure) in try chain.verify(head: reader.newest) }
    figures.snapshots = chain.reachable.ids.count
    figures.files = chain.files
    figures.bytes = chain.bytes
    figures.sidecarFiles = chain.sidecarFiles
    return chain
  }

  /// - Parameter rows: by the place of the snapshot; what is found is taken off.
  private mutating func verifyRuns(
    reachable: Reachable, missing: Set<Int>, rows: inout [Int64?]
  ) throws(QuarryError) {
    var inspector = RunInspector(reader: reader)
    let finder = RunFinder(layout: layout)
    for filter in [RunFilter(), RunFilter(source: LodeLedger.source)] {
      try finder.runs(filter) { run throws(QuarryError) in
        var verifier = RunVerifier(layout: layout, run: run, missing: missing, report: report)
        let snapshots = try snapshots(of: run, &inspector, reachable)
        guard !snapshots.isEmpty else { return }
        for (_, place, files) in snapshots {
          let lines = try verifier.read(files)
          rows[place] = rows[place].flatMap { rest in lines.map { rest - $0 } }
        }
        verifier.isCutShort = verifier.isCutShort || forgiven.hasAny(below: "\(layout.partitions)/\(run.path)/")
        verifier.conclude()
        figures.records += verifier.records
        figures.artifacts += verifier.tally.artifactCount
        if run.source != LodeLedger.source { figures.runs += 1 }
      }
    }
  }

  /// In the order in which they were committed first, also where one was put back later.
  private func snapshots(
    of run: RunPath, _ inspector: inout RunInspector, _ reachable: Reachable
  ) throws(QuarryError) -> [(order: SnapshotID, place: Int, files: [(type: String, file: Manifest.File)])] {
    var snapshots: [(order: SnapshotID, place: Int, files: [(type: String, file: Manifest.File)])] = []
    for id in try inspector.index(of: run).ids {
      guard let place = reachable.place(of: id), let manifest = try inspector.manifest(id),
        manifest.unknownFormat == nil
      else { continue }
      snapshots.append((manifest.order, place, inspector.files(of: run, in: manifest)))
    }
    return snapshots.sorted { $0.order < $1.order }
  }

  private func findLeftovers(_ reachable: Reachable) throws(QuarryError) {
    try layout.described { () throws(FileFailure) in
      // What was committed since is none.
      var chain = ChainReader(layout: layout)
      var newer = Reachable()
      _ = try chain.walk(from: try chain.head(), downTo: reachable.ids.first) { newer.add($0) }
      var reachable = reachable
      reachable.add(newer: newer)
      for (path, problem) in try StrayManifests(layout: layout, reachable: reachable).damaged(reachable) {
        report(Finding(.error, .manifest, path, problem))
      }
      try layout.store.leftovers(of: layout, besides: reachable) { leftover in
        let message =
          switch leftover.kind {
          case .folder: "an empty folder: left by a crash, or made just now"
          case .claim: "a run id that was claimed by a process which died, or runs now on another machine"
          default: "\(leftover.kind.rawValue) that no snapshot names: left by a crash, or written just now"
          }
        report(Finding(.note, .leftover, leftover.path, message))
      }
    }
  }
}

private final class FindingCounter {
  private(set) var errors = 0
  private(set) var notes = 0

  func count(_ finding: Finding) {
    switch finding.severity {
    case .error: errors += 1
    case .note: notes += 1
    }
  }
}

extension LodeReader {
  /// Checks the whole dataset.
  /// - Parameter report: told of each thing that is wrong, or worth saying, as it is found.
  package func verify(report: @escaping (Finding) -> Void) throws(QuarryError) -> VerifyFigures {
    var verifier = try DatasetVerifier(layout: layout, report: report)
    return try verifier.verify()
  }
}
