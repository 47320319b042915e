import QuarryCore

/// A commit that stands announced in `latest.lock` of a bucket, all of whose canonical manifests are there, and that `latest`
/// may yet come to: of a writer at work, of one that died right before it moved `latest`, or of one that was told of its
/// commit before somebody put the `latest` from before it back.
struct AnnouncedCommit {
  let newest: SnapshotID
  /// The newest first.
  let snapshots: [Manifest]
  /// What they name and what is gone, though nobody has removed it (`RemovedRecords`).
  let missing: [String]

  /// - Returns: nil where there is none, or its writer had not come so far.
  init?(_ evidence: CommitEvidence, isOpen: Bool, _ chain: inout ChainReader) throws(FileFailure) {
    guard isOpen, let newest = evidence.intended.max() else { return nil }
    var snapshots: [Manifest] = []
    let base = try chain.base(ofAnnounced: evidence.intended) { snapshots.append($0) }
    guard base == evidence.base?.id else { return nil }
    self.newest = newest
    self.snapshots = snapshots
    missing = try Self.missing(of: snapshots, in: chain.layout)
  }

  /// One that nobody has been at work on for long: its writer has died, or `latest` is an old one.
  static func forsaken(
    _ chain: inout ChainReader, for least: Duration = longestSilence
  ) throws(FileFailure) -> AnnouncedCommit? {
    let layout = chain.layout
    guard chain.isOpen, let since = try layout.store.modified(layout.lock),
      try layout.store.now(in: layout.folder) - since >= min(least, longestSilence)
    else { return nil }
    return try AnnouncedCommit(chain.evidence, isOpen: true, &chain)
  }

  /// A writer announces its commit again every few seconds.
  private static let longestSilence = Duration.seconds(60)

  /// For who reads what counts, which it does not.
  func warning(_ layout: DatasetLayout) -> String {
    let repair = "`quarry lode repair --yes\(layout.flags)`"
    let begin =
      "snapshot \(newest) was announced more than a minute ago, and \(layout.pointer) does not name it: its writer died right "
      + "before that, or the file is an old one that was put back. What it holds is left out"
    guard let gone = missing.first else { return "\(begin), until the next commit, or \(repair), puts that right" }
    return "\(begin), and \(gone) is gone: bring it back from a copy of the dataset, then \(repair) puts that right"
  }

  private static func missing(of snapshots: [Manifest], in layout: DatasetLayout) throws(FileFailure) -> [String] {
    let files = snapshots.flatMap { manifest in
      (manifest.files.map(\.path) + manifest.sidecarFiles.map(\.path)).map { (id: manifest.id, key: $0) }
    }
    let found = layout.concurrently(files) { file throws(FileFailure) in
      try layout.store.exists(layout.path(of: file.key))
    }
    var removed = RemovedRecords(layout: layout)
    var missing: [String] = []
    for (file, isThere) in zip(files, found) where try !isThere.get() {
      if try removed.folder(ofKey: file.key, at: file.id) == nil { missing.append(layout.path(of: file.key)) }
    }
    return missing
  }
}
