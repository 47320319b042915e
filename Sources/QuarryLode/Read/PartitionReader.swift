import QuarryCore

/// Reads the snapshots of single partitions, from their folders, without following the whole chain. For one query.
struct PartitionReader {
  var chain: ChainReader
  /// The newest snapshot when the query began; what comes later is not seen.
  let newest: Manifest?
  /// Noted as left out of the chain.
  let lost: LostSnapshots
  /// A sentence for each of those, and for one that stands announced in a bucket though nobody is at work on it.
  let leftOut: [String]
  /// These, and a sentence for each copy that is missing; see `checkChain`.
  private(set) var gaps: [String] = []
  private var onChain: Set<SnapshotID>?
  /// Snapshots that are older have not been held against the one that they follow; nil: nor are they to be.
  private var checked: SnapshotID?
  /// Those that are newer and on the chain.
  private var walked: Set<SnapshotID> = []
  /// Met and found to be off it, with the sentence that says so.
  private var offWalk: [SnapshotID: String] = [:]
  /// Read last, or found to be there.
  private var met: SnapshotID?
  /// The pointer named a newer one, or there is one, which could not be read.
  private let isBehind: Bool

  var layout: DatasetLayout { chain.layout }
  var head: SnapshotID? { newest?.id }

  /// - Parameter searches: see `ChainReader`.
  init(layout: DatasetLayout, searches: Bool = false) throws(FileFailure) {
    chain = ChainReader(layout: layout, forgives: true, searches: searches, looksAhead: true)
    newest = try chain.head()
    // After the head, which then does not follow what a repair put back meanwhile under another id.
    lost = try LostSnapshots(layout)
    leftOut = try lost.warnings + [AnnouncedCommit.forsaken(&chain)?.warning(layout)].compactMap(\.self)
    // Looked at only then, since it may have moved on.
    let head = newest?.id ?? .beforeAll
    let isRefused = chain.refused.keys.contains { $0 > head }
    isBehind = isRefused ? true : chain.warnings.isEmpty ? false : newest?.id != (try chain.pointer())
  }

  /// Looks for snapshots that are gone, for queries that do not follow the chain: the newest ones are read, so many as the
  /// store's `chainReach`; of those before them the ones that a query meets are held against the one that they follow.
  mutating func checkChain() throws(FileFailure) {
    var copies = MissingCopies(layout: layout)
    var current = newest
    for _ in 0..<layout.chainReach {
      guard let manifest = current else { break }
      try copies.look(for: manifest, size: chain.size(of: manifest.id))
      walked.insert(manifest.id)
      current = try chain.parent(of: manifest)
    }
    gaps = leftOut + copies.warnings
    checked = current?.id ?? SnapshotID(0)
  }

  /// Ids of the snapshots that hold records of a partition, oldest first; by names of files alone, so it may hold
  /// some that `manifest` then finds to be off the chain. Folders with data and no manifest are no snapshots: their
  /// data was published under a later id, or never.
  func snapshots(of partition: String) throws(FileFailure) -> [SnapshotID] {
    guard let head else { return [] }
    return try manifests(of: partition).filter { $0 <= head }.sorted()
  }

  /// What partitions hold that are of use only as a whole.
  struct Content {
    /// In the order in which they were committed first.
    var files: [Manifest.File] = []
    /// A sentence for each reason why there may be more.
    var gaps: [String] = []
  }

  mutating func content(of partitions: [String]) throws(FileFailure) -> Content {
    var content = Content()
    var ids: Set<SnapshotID> = []
    for partition in partitions {
      ids.formUnion(try snapshots(of: partition))
      if try isCutShort(partition) { content.gaps += chain.warnings.prefix(1) }
    }
    var files: [(order: SnapshotID, file: Manifest.File)] = []
    for id in ids.sorted() {
      let known = chain.warnings.count
      guard let manifest = try manifest(id) else {
        content.gaps += gap(at: id, known: known)
        continue
      }
      if let problem = manifest.unknownFormat { content.gaps.append("snapshot \(id) is passed over: \(problem)") }
      files += manifest.files.filter { partitions.contains(layout.partition(ofDataKey: $0.path) ?? "") }
        .map { (manifest.order, $0) }
    }
    // What a repair has put back stands where it was.
    content.files = files.sorted { $0.order < $1.order }.map(\.file)
    return content
  }

  /// Why a snapshot has no manifest here; nothing for one that never counted.
  /// - Parameter known: how many warnings there were before it was asked for.
  private func gap(at id: SnapshotID, known: Int) -> [String] {
    if isLost(id) { return ["snapshot \(id) is lost; `quarry lode repair --yes\(layout.flags)` puts it back"] }
    if let sentence = chain.refused[id] ?? offWalk[id] { return [sentence] }
    return chain.warnings.count > known ? Array(chain.warnings.suffix(1)) : []
  }

  /// Whether the newest snapshots cannot be read and some of what they held may be the partition's.
  private func isCutShort(_ partition: String) throws(FileFailure) -> Bool {
    guard isBehind else { return false }
    return try manifests(of: partition).contains { id in head.map { id > $0 } ?? true }
  }

  private func manifests(of partition: String) throws(FileFailure) -> [SnapshotID] {
    try layout.store.snapshots(in: "\(layout.partitions)/\(partition)/segments")
  }

  /// The manifest of a snapshot on the chain; nil for one that is not.
  ///
  /// Writers remove what a crash left before they move the pointer, and note what they lose, so any other canonical manifest
  /// not above the head counts. Without a canonical one the chain itself is asked.
  mutating func manifest(_ id: SnapshotID) throws(FileFailure) -> Manifest? {
    guard let head, id <= head, !isLost(id), try isOnWalk(id) else { return nil }
    if let manifest = try chain.canonical(id) {
      try check(manifest)
      return manifest
    }
    if try !chain.isThere(id), try !wholeChain().contains(id) { return nil }
    return try chain.copy(of: id)
  }

  /// Whether it was committed, and the chain is known to go on without it.
  func isLost(_ id: SnapshotID) -> Bool { lost.ids.contains(id) || chain.leftOut.contains(id) }

  /// Of those that `checkChain` went past.
  private mutating func isOnWalk(_ id: SnapshotID) throws(FileFailure) -> Bool {
    guard let checked, id > checked, !walked.contains(id) else { return true }
    // Unless it is a writer's whose turn another took, and who is about to remove it, or the store refuses it, which is said
    // then.
    if chain.refused[id] == nil, try !CommitEvidence(layout).intended.contains(id), try chain.isThere(id) {
      let sentence =
        "snapshot \(id) is not on the chain of those that follow each other, and is left out; "
        + "`quarry lode repair --yes\(layout.flags)` puts it back where it was committed"
      offWalk[id] = sentence
      chain.warn(sentence)
    }
    return false
  }

  private mutating func check(_ manifest: Manifest) throws(FileFailure) {
    guard let checked, manifest.id <= checked else { return }
    if manifest.parent != met { try chain.checkParent(of: manifest) }
    met = manifest.id
  }

  /// The event types that a run has folders for, with the folder's name.
  func eventTypes(of run: RunPath) throws(FileFailure) -> [(type: String, partition: String)] {
    try layout.store.names(in: "\(layout.partitions)/\(run.path)").compactMap { name in
      RunPath.value(name, "event_type=").map { ($0, "\(run.path)/\(name)") }
    }.sorted { $0.type < $1.type }
  }

  private mutating func wholeChain() throws(FileFailure) -> Set<SnapshotID> {
    if let onChain { return onChain }
    var ids: Set<SnapshotID> = []
    var current = newest
    while let manifest = current {
      ids.insert(manifest.id)
      current = try chain.parent(of: manifest)
    }
    onChain = ids
    return ids
  }
}
