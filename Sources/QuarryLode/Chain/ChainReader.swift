import QuarryCore

/// Follows the snapshots of a dataset from the head to the first. For one query on one thread.
///
/// What it cannot use it names in `warnings` and steps over: history is linear, so the snapshot before a broken one is
/// the greatest below it.
struct ChainReader {
  let layout: DatasetLayout
  /// Not to be taken for the head where `latest` does not name it: a writer's that never committed them.
  let unpublished: Set<SnapshotID>
  /// Whether a file or folder that may not be looked at is stepped over and named, as readers do. A writer must not
  /// commit onto less than there is.
  let forgives: Bool
  /// Whether the whole dataset is looked through for snapshots that are newer than what `latest` names, also where
  /// `latest.lock` knows which was committed last: it may have been put back together with it.
  let searches: Bool
  /// Whether a bucket is asked for canonical manifests behind what `latest` names: `latest.lock` may have been put back together
  /// with it. On a disk its folders tell.
  let looksAhead: Bool
  /// What was stepped over, a sentence each.
  private(set) var passedOver: [String] = []
  /// Snapshots on the way without a canonical manifest, which others follow alone, though the dataset is not an old one.
  private(set) var bare: [SnapshotID] = []
  /// Snapshots that were committed and that the chain goes past, as far as it was walked.
  private(set) var leftOut: Set<SnapshotID> = []
  /// What was wrong with `latest` when the head was asked for.
  var damage: PointerDamage?
  /// The snapshot that should have been the head by then; nil where nobody knows.
  var expected: SnapshotID?
  /// As of when the head was asked for.
  var evidence = CommitEvidence()
  /// Whether a commit was announced then that `latest` may yet come to. In a bucket.
  var isOpen = false
  /// Manifests found by walking the dataset; only made when the chain alone does not answer.
  var found: [SnapshotID: [String]]?
  /// Snapshots with a manifest that is there and that the store does not give, which may pass; with the sentence for it.
  private(set) var refused: [SnapshotID: String] = [:]
  /// Whether it is one of the old datasets, which had neither canonical manifests nor a `latest`, and which no newer writer
  /// has come to; nil until that is asked for.
  private var isOld: Bool?
  /// Canonical manifests that were read last: the runs of one commit, and what tells one run's state, ask for them again.
  private var recent: [Stored] = []
  private static let recentCount = 32

  /// A manifest as it was read.
  private struct Stored {
    let manifest: Manifest
    let size: Int64
  }

  init(
    layout: DatasetLayout, besides unpublished: [SnapshotID] = [], forgives: Bool = false, searches: Bool = false,
    looksAhead: Bool = false
  ) {
    self.layout = layout
    self.unpublished = Set(unpublished)
    self.forgives = forgives
    self.searches = searches
    self.looksAhead = looksAhead
  }

  /// A sentence for each thing that makes the dataset less than what was committed.
  var warnings: [String] {
    (damage.map { [$0.message(layout)] } ?? []) + leftOutWarnings + passedOver + bareWarnings
  }

  private var leftOutWarnings: [String] {
    let repair = "`quarry lode repair --yes\(layout.flags)`"
    var named = FirstSentences()
    for id in leftOut.sorted() {
      named.add {
        "snapshot \(id) was committed, and those after it do not follow it, so that it is left out; \(repair) puts it back"
      }
    }
    return named.with { "\($0) more snapshots were committed and are left out; \(repair) puts them back" }
  }

  private var bareWarnings: [String] {
    let repair = "`quarry lode repair --yes\(layout.flags)`"
    var named = FirstSentences()
    for id in bare {
      named.add { "\(canonicalPath(id)) is not there, and other readers follow it alone; \(repair) puts it back" }
    }
    return named.with { "\($0) more canonical manifests are not there; \(repair) puts them back" }
  }

  /// The snapshot before this one; nil at the start of the chain.
  mutating func parent(of child: Manifest) throws(FileFailure) -> Manifest? {
    let parent = try follow(child)
    try lookForLeftOut(between: parent?.id ?? .beforeAll, and: child)
    return parent
  }

  private mutating func follow(_ child: Manifest) throws(FileFailure) -> Manifest? {
    guard let id = child.parent else { return nil }
    if id < child.id, let manifest = try manifest(id) { return manifest }
    warnOfGap(between: child, and: id)
    return try greatest(below: child.id)
  }

  /// Another program may have committed onto an old `latest`: what a Quarry writer committed last is not on its way then,
  /// and what lies around it neither.
  private mutating func lookForLeftOut(between parent: SnapshotID, and child: Manifest) throws(FileFailure) {
    guard let last = evidence.last, parent < last, last < child.id, last != child.parent else { return }
    leftOut.formUnion(try canonicalIDs { parent < $0 && $0 < child.id } + [last])
  }

  /// Looks for the snapshot before this one without reading it.
  mutating func checkParent(of child: Manifest) throws(FileFailure) {
    guard let id = child.parent, try !isThere(id), try manifest(id) == nil else { return }
    warnOfGap(between: child, and: id)
  }

  private mutating func warnOfGap(between child: Manifest, and id: SnapshotID) {
    warn("snapshot \(child.id) follows \(id), which is not there or cannot be read; going on below it")
  }

  /// Visits snapshots from `newest` down to the one above `known`.
  /// - Returns: the snapshot where it ended: `known`, or an older one where that is not on the chain; nil at the chain's
  ///   start.
  mutating func walk(
    from newest: Manifest?, downTo known: SnapshotID?, visit: (Manifest) -> Void
  ) throws(FileFailure) -> SnapshotID? {
    var current = newest
    while let manifest = current, known.map({ manifest.id > $0 }) ?? true {
      visit(manifest)
      current = try parent(of: manifest)
    }
    return current?.id
  }

  /// The manifest of a snapshot, wherever a readable copy of it lies.
  mutating func manifest(_ id: SnapshotID) throws(FileFailure) -> Manifest? {
    if let manifest = try canonical(id) { return manifest }
    let copy = try copy(of: id)
    if copy != nil, try !isThere(id), !bare.contains(id), try !isOfOldDataset() { bare.append(id) }
    return copy
  }

  private mutating func isOfOldDataset() throws(FileFailure) -> Bool {
    if let isOld { return isOld }
    let names = Set(try children(of: layout.folder))
    let answer = names.isDisjoint(with: ["latest", "latest.lock", "segments", ".quarry"])
    isOld = answer
    return answer
  }

  /// The canonical manifest of a snapshot; nil when it is not there or cannot be read.
  mutating func canonical(_ id: SnapshotID) throws(FileFailure) -> Manifest? {
    if let known = recent.first(where: { $0.manifest.id == id }) { return known.manifest }
    guard let stored = try read(canonicalPath(id), as: id) else { return nil }
    if recent.count == Self.recentCount { recent.removeFirst() }
    recent.append(stored)
    return stored.manifest
  }

  /// Bytes of a canonical manifest; nil for one that was not read lately.
  func size(of id: SnapshotID) -> Int64? { recent.first { $0.manifest.id == id }?.size }

  /// A manifest of a snapshot in one of its partitions.
  mutating func copy(of id: SnapshotID) throws(FileFailure) -> Manifest? {
    for path in try manifests()[id] ?? [] where path != canonicalPath(id) {
      if let stored = try read(path, as: id) { return stored.manifest }
    }
    return nil
  }

  /// The manifest of a snapshot as it is stored, with whatever members another writer gave it.
  mutating func bytes(of id: SnapshotID) throws(FileFailure) -> [UInt8]? {
    if try canonical(id) != nil { return try layout.store.bytes(canonicalPath(id)) }
    for path in try manifests()[id] ?? [] where try read(path, as: id) != nil { return try layout.store.bytes(path) }
    return nil
  }

  func canonicalPath(_ id: SnapshotID) -> String { "\(layout.canonicalFolder(id))/manifest.json" }

  /// Whether a snapshot has a canonical manifest, readable or not.
  func isThere(_ id: SnapshotID) throws(FileFailure) -> Bool {
    do { return try layout.store.exists(canonicalPath(id)) } catch {
      guard forgives, layout.isOfOneFile(error) else { throw error }
      // Something is there that may not be looked at: reading it has said so.
      return true
    }
  }

  private mutating func read(_ path: String, as id: SnapshotID) throws(FileFailure) -> Stored? {
    var refusal: String?
    let bytes = try forgiving(nil) { [layout] store throws(FileFailure) in
      do throws(FileFailure) { return try store.bytes(path) } catch {
        if error.mayPass { refusal = error.sentence(layout) }
        throw error
      }
    }
    guard let bytes else {
      if let refusal, refused[id] == nil { refused[id] = refusal }
      return nil
    }
    do throws(Manifest.Unreadable) {
      let manifest = try Manifest(parsing: bytes)
      if manifest.id != id {
        warn("\(path) is passed over: it is the manifest of snapshot \(manifest.id)")
      } else if !manifest.dataset.isEmpty, manifest.dataset != layout.dataset {
        warn("\(path) is passed over: it is of dataset '\(manifest.dataset)'")
      } else {
        return Stored(manifest: manifest, size: Int64(bytes.count))
      }
    } catch {
      warn("\(path) is passed over: \(error.reason)")
    }
    return nil
  }

  /// What a copy found that looked at snapshots which may not count: of one that the store refuses nobody knows that.
  mutating func takeRefusals(of other: ChainReader) {
    for (id, refusal) in other.refused.sorted(by: { $0.key < $1.key }) where refused[id] == nil {
      refused[id] = refusal
      warn(refusal)
    }
  }

  /// Once, however often it is met.
  mutating func warn(_ text: String) {
    if !passedOver.contains(text) { passedOver.append(text) }
  }

  private mutating func forgiving<Value>(
    _ instead: Value, _ work: (any DatasetStore) throws(FileFailure) -> Value
  ) throws(FileFailure) -> Value {
    do { return try work(layout.store) } catch {
      guard forgives, layout.isOfOneFile(error) else { throw error }
      warn(error.sentence(layout))
      return instead
    }
  }

  mutating func greatest(below bound: SnapshotID?) throws(FileFailure) -> Manifest? {
    let all = try manifests()
    let others = bound == nil ? unpublished.union(try unfinished()) : unpublished
    let ids = all.keys.filter { id in bound.map { id < $0 } ?? true && !others.contains(id) }
    for id in ids.sorted(by: >) {
      if let manifest = try manifest(id) { return manifest }
    }
    return nil
  }

  /// What a writer is about, or was when it died: the canonical manifest is the last of a snapshot's. Old datasets have
  /// none, and no such writers. Asked once manifests are listed, since whoever makes them has announced it before.
  private func unfinished() throws(FileFailure) -> [SnapshotID] {
    var ids: [SnapshotID] = []
    for id in evidence.intended.union(try CommitEvidence(layout).intended) where try !isThere(id) { ids.append(id) }
    return ids
  }

  mutating func manifests() throws(FileFailure) -> [SnapshotID: [String]] {
    if let found { return found }
    let all = try manifests { _ in true }
    found = all
    return all
  }

  /// The paths of all manifests of such snapshots, canonical and in partitions.
  mutating func manifests(where isWanted: (SnapshotID) -> Bool) throws(FileFailure) -> [SnapshotID: [String]] {
    var all: [SnapshotID: [String]] = [:]
    try collect(segments: layout.segments, where: isWanted, into: &all)
    let paths: [String]? = try forgiving([]) { [layout] store throws(FileFailure) in
      try store.partitionManifests(below: layout.partitions)
    }
    guard let paths else {
      try collect(partitions: layout.partitions, where: isWanted, into: &all)
      return all
    }
    for path in paths {
      guard let id = FileSystem.parent(of: path).flatMap({ SnapshotID($0.split(separator: "/").last ?? "") }),
        isWanted(id)
      else { continue }
      all[id, default: []].append(path)
    }
    return all
  }

  private mutating func collect(
    partitions folder: String, where isWanted: (SnapshotID) -> Bool, into all: inout [SnapshotID: [String]]
  ) throws(FileFailure) {
    for name in try children(of: folder) {
      if name == "segments" {
        try collect(segments: "\(folder)/segments", where: isWanted, into: &all)
      } else if name.utf8.contains(UInt8(ascii: "=")) {
        try collect(partitions: "\(folder)/\(name)", where: isWanted, into: &all)
      }
    }
  }

  /// Nothing behind a link is the dataset's: only who merely reads is told of it.
  mutating func children(of folder: String) throws(FileFailure) -> [String] {
    try forgiving([]) { [forgives] store throws(FileFailure) in
      do throws(FileFailure) { return try store.names(in: folder) } catch {
        guard error.isOfLink, !forgives else { throw error }
        return []
      }
    }
  }

  private mutating func collect(
    segments folder: String, where isWanted: (SnapshotID) -> Bool, into all: inout [SnapshotID: [String]]
  ) throws(FileFailure) {
    let ids = try forgiving([]) { store throws(FileFailure) in try store.snapshots(in: folder) }
    for id in ids where isWanted(id) {
      all[id, default: []].append("\(folder)/\(id)/manifest.json")
    }
  }
}
