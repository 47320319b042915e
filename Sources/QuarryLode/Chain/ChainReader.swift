import QuarryCore

/// Follows the snapshots of a dataset from the head to the first. For one query on one thread.
///
/// What it cannot use it names in `warnings` and steps over: history is linear, so the snapshot before a broken one is
/// the greatest below it.
struct ChainReader {
  let layout: DatasetLayout
  /// Not to be taken for the head where `latest` does not name it: a writer's that never committed them.
  private let unpublished: Set<SnapshotID>
  /// Whether a file or folder that may not be looked at is stepped over and named, as readers do. A writer must not
  /// commit onto less than there is.
  let forgives: Bool
  /// What was stepped over, a sentence each.
  private(set) var passedOver: [String] = []
  /// What was wrong with `latest` when the head was asked for.
  private(set) var damage: PointerDamage?
  /// Manifests found by walking the dataset; only made when the chain alone does not answer.
  private var found: [SnapshotID: [String]]?
  /// Canonical manifests that were read last: the runs of one commit, and what tells one run's state, ask for them again.
  private var recent: [Manifest] = []
  private static let recentCount = 32
  /// Bytes. An id has some twenty; what is much longer is no pointer.
  private static let pointerLimit = 4_096

  init(layout: DatasetLayout, besides unpublished: [SnapshotID] = [], forgives: Bool = false) {
    self.layout = layout
    self.unpublished = Set(unpublished)
    self.forgives = forgives
  }

  /// A sentence for each thing that makes the chain less than what was committed.
  var warnings: [String] {
    (damage.map { [$0.message(layout.pointer)] } ?? []) + passedOver
  }

  /// The newest snapshot; nil for a dataset without any.
  mutating func head() throws(FileFailure) -> Manifest? {
    damage = nil
    // Before the pointer, which then is not older, whoever commits meanwhile.
    let last = lastCommitted()
    guard let bytes = try pointerBytes() else { return try greatest(below: nil) }
    guard let named = Self.pointer(bytes), named != .beforeAll else { return try headWithoutPointer(bytes) }
    if let last, last > named { damage = .old(named, newest: last) }
    if let manifest = try manifest(named) { return manifest }
    if try isThere(named) { return try greatest(below: named) }
    if try manifests()[named] == nil { damage = .dangling(named) }
    return try greatest(below: nil)
  }

  /// Only before a bucket's first commit does `latest` name no snapshot. Whatever lies about then is being committed; a
  /// reader takes what nobody commits for what a spoiled pointer named.
  private mutating func headWithoutPointer(_ bytes: [UInt8]) throws(FileFailure) -> Manifest? {
    if Self.pointer(bytes) == .beforeAll {
      guard layout.isOnDisk || forgives else { return nil }
      let announced = layout.isOnDisk ? [] : Set(try intended())
      guard try manifests().keys.contains(where: { !announced.contains($0) }) else { return nil }
      // A first commit may have moved it in the meantime.
      if let now = try pointerBytes(), now != bytes {
        found = nil
        return try head()
      }
    }
    damage = .unusable
    return try greatest(below: nil)
  }

  /// The snapshot that the last commit to a dataset on disk made the newest; nil where nobody knows.
  func lastCommitted() -> SnapshotID? {
    // Of one that cannot be read, as of one that another writer left alone, nothing follows.
    guard layout.isOnDisk, let bytes = try? layout.store.bytes(layout.lock) else { return nil }
    return CommitIntent.lastCommitted(bytes)
  }

  /// The id that `latest` names; nil when there is no usable pointer.
  func pointer() throws(FileFailure) -> SnapshotID? { try pointerBytes().flatMap(Self.pointer) }

  private func pointerBytes() throws(FileFailure) -> [UInt8]? {
    try layout.store.bytes(layout.pointer, limit: Self.pointerLimit)
  }

  /// The id in a pointer's text, around which others may have put spaces.
  static func pointer(_ bytes: [UInt8]) -> SnapshotID? {
    let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
    guard let last = bytes.lastIndex(where: { !isSpace($0) }) else { return nil }
    return SnapshotID(String(decoding: bytes[...last].drop(while: isSpace), as: UTF8.self))
  }

  /// The snapshot before this one; nil at the start of the chain.
  mutating func parent(of child: Manifest) throws(FileFailure) -> Manifest? {
    guard let id = child.parent else { return nil }
    if id < child.id, let manifest = try manifest(id) { return manifest }
    warnOfGap(between: child, and: id)
    return try greatest(below: child.id)
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
    return try copy(of: id)
  }

  /// The canonical manifest of a snapshot; nil when it is not there or cannot be read.
  mutating func canonical(_ id: SnapshotID) throws(FileFailure) -> Manifest? {
    if let known = recent.first(where: { $0.id == id }) { return known }
    guard let manifest = try read(canonicalPath(id), as: id) else { return nil }
    if recent.count == Self.recentCount { recent.removeFirst() }
    recent.append(manifest)
    return manifest
  }

  /// A manifest of a snapshot in one of its partitions.
  mutating func copy(of id: SnapshotID) throws(FileFailure) -> Manifest? {
    for path in try manifests()[id] ?? [] where path != canonicalPath(id) {
      if let manifest = try read(path, as: id) { return manifest }
    }
    return nil
  }

  /// The manifest of a snapshot as it is stored, with whatever members another writer gave it.
  mutating func bytes(of id: SnapshotID) throws(FileFailure) -> [UInt8]? {
    if try canonical(id) != nil { return try layout.store.bytes(canonicalPath(id)) }
    for path in try manifests()[id] ?? [] where try read(path, as: id) != nil { return try layout.store.bytes(path) }
    return nil
  }

  private func canonicalPath(_ id: SnapshotID) -> String { "\(layout.canonicalFolder(id))/manifest.json" }

  /// Whether a snapshot has a canonical manifest, readable or not.
  func isThere(_ id: SnapshotID) throws(FileFailure) -> Bool {
    do { return try layout.store.exists(canonicalPath(id)) } catch {
      guard forgives, error.isOfOneFile else { throw error }
      // Something is there that may not be looked at: reading it has said so.
      return true
    }
  }

  private mutating func read(_ path: String, as id: SnapshotID) throws(FileFailure) -> Manifest? {
    guard let bytes = try forgiving(nil, { store throws(FileFailure) in try store.bytes(path) }) else { return nil }
    do throws(Manifest.Unreadable) {
      let manifest = try Manifest(parsing: bytes)
      if manifest.id == id { return manifest }
      warn("\(path) is passed over: it is the manifest of snapshot \(manifest.id)")
    } catch {
      warn("\(path) is passed over: \(error.reason)")
    }
    return nil
  }

  /// Once, however often it is met.
  private mutating func warn(_ text: String) {
    if !passedOver.contains(text) { passedOver.append(text) }
  }

  private mutating func forgiving<Value>(
    _ instead: Value, _ work: (any DatasetStore) throws(FileFailure) -> Value
  ) throws(FileFailure) -> Value {
    do { return try work(layout.store) } catch {
      guard forgives, error.isOfOneFile else { throw error }
      warn(error.described(layout).message)
      return instead
    }
  }

  private mutating func greatest(below bound: SnapshotID?) throws(FileFailure) -> Manifest? {
    let others = bound == nil ? unpublished.union(try unfinished()) : unpublished
    let ids = try manifests().keys.filter { id in bound.map { id < $0 } ?? true && !others.contains(id) }
    for id in ids.sorted(by: >) {
      if let manifest = try manifest(id) { return manifest }
    }
    return nil
  }

  /// What a writer was about when it died: the canonical manifest is the last of a snapshot's. Old datasets have none, and
  /// no such writers.
  private func unfinished() throws(FileFailure) -> [SnapshotID] {
    var ids: [SnapshotID] = []
    for id in try intended() where try !isThere(id) { ids.append(id) }
    return ids
  }

  private func intended() throws(FileFailure) -> [SnapshotID] {
    do throws(FileFailure) {
      return try layout.store.bytes(layout.lock).flatMap { CommitIntent($0) }?.ids ?? []
    } catch {
      // Of one that cannot be read nothing follows.
      guard error.isOfOneFile else { throw error }
      return []
    }
  }

  private mutating func manifests() throws(FileFailure) -> [SnapshotID: [String]] {
    if let found { return found }
    let all = try manifests { _ in true }
    found = all
    return all
  }

  /// The paths of all manifests of such snapshots, canonical and in partitions.
  mutating func manifests(where isWanted: (SnapshotID) -> Bool) throws(FileFailure) -> [SnapshotID: [String]] {
    var all: [SnapshotID: [String]] = [:]
    try collect(segments: layout.segments, where: isWanted, into: &all)
    try collect(partitions: layout.partitions, where: isWanted, into: &all)
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
  private mutating func children(of folder: String) throws(FileFailure) -> [String] {
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
