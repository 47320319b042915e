import QuarryCore

/// Which snapshot is the newest, and so which count: it and those that it follows. Everybody goes by this.
///
/// What was committed counts, whatever became of `latest`: its own word, that of `latest.lock` on the last commit, and
/// canonical manifests of which no writer says that it is at work on them. What a crashed writer left off the chain
/// stands in `latest.lock` until the next one has removed it.
extension ChainReader {
  /// How late a manifest may come after the pointer to it, or the pointer after its manifest: programs that hold no lock
  /// write in either order.
  static let lateness = Duration.seconds(1)
  /// A snapshot that is older has been committed long ago, whatever machines' clocks say.
  private static let longestCommit = 60_000_000_000 as UInt64
  /// Bytes. An id has some twenty; what is much longer is no pointer.
  private static let pointerLimit = 4_096

  /// The newest snapshot; nil for a dataset without any.
  mutating func head() throws(FileFailure) -> Manifest? {
    // Before the pointer, which then is not older, whoever commits meanwhile.
    let evidence = try CommitEvidence(layout)
    return try head(evidence, try pointerBytes())
  }

  /// As of when `latest.lock` and `latest` were read, in this order.
  mutating func head(_ evidence: CommitEvidence, _ pointer: [UInt8]?) throws(FileFailure) -> Manifest? {
    (damage, expected, self.evidence) = (nil, nil, evidence)
    isOpen = pointer.map { evidence.isOpen($0) } ?? false
    guard let bytes = pointer else { return try headWithoutPointer(.missing) }
    guard let named = Self.pointer(bytes), named != .beforeAll else { return try headOfNothing(bytes) }
    if let newer = try newer(than: named) { return try head(newer, above: named) }
    expected = named
    if let manifest = try manifest(named) { return manifest }
    if try isThere(named) { return try greatest(below: named) }
    if try manifests()[named] == nil { damage = .dangling(named) }
    return try greatest(below: nil)
  }

  /// - Parameter newer: what was committed after the snapshot that the pointer names.
  private mutating func head(_ newer: SnapshotID, above named: SnapshotID) throws(FileFailure) -> Manifest? {
    expected = newer
    if let manifest = try manifest(newer) {
      damage = .old(named, newest: newer)
      return manifest
    }
    damage = .gone(newer)
    return try greatest(below: try isThere(newer) ? newer : nil)
  }

  /// Only before a bucket's first commit does `latest` name no snapshot. Whatever lies about then is being committed; what
  /// nobody commits is what a spoiled pointer named.
  private mutating func headOfNothing(_ bytes: [UInt8]) throws(FileFailure) -> Manifest? {
    if Self.pointer(bytes) == .beforeAll, evidence.last == nil, try !hasSnapshots() {
      // A first commit may have moved it in the meantime.
      return try pointerBytes() == bytes ? nil : head()
    }
    return try headWithoutPointer(.unusable)
  }

  /// Whether there are any though `latest` and `latest.lock` know of none. A bucket is listed only where `latest.lock` says
  /// nothing at all: else whoever waits for the first commit would do that again and again.
  private mutating func hasSnapshots() throws(FileFailure) -> Bool {
    if layout.isOnDisk { return try !manifests().isEmpty }
    if !searches {
      guard !evidence.isFirst, forgives || evidence.intended.isEmpty, try layout.store.hasFolder(layout.segments) else {
        return false
      }
    }
    return try committed(above: .beforeAll) != nil
  }

  /// - Parameter fault: what is wrong with the pointer; that it is missing is no damage of old datasets, and others'. In a
  ///   bucket it is there before anything is announced.
  private mutating func headWithoutPointer(_ fault: PointerDamage) throws(FileFailure) -> Manifest? {
    let newest = try greatest(below: nil)
    expected = evidence.last
    if let last = evidence.last, newest.map({ $0.id < last }) ?? true {
      damage = .gone(last)
    } else if fault != .missing || evidence.last != nil || !layout.isOnDisk && !evidence.intended.isEmpty {
      damage = fault
    }
    return newest
  }

  /// What was committed after a snapshot that the pointer names.
  private mutating func newer(than named: SnapshotID) throws(FileFailure) -> SnapshotID? {
    let last = evidence.last.flatMap { $0 > named ? $0 : nil }
    if let announced = try announced(after: last) { return announced }
    guard try isToBeSearched(above: named) else { return last }
    return [last, try committed(above: named)].compactMap(\.self).max()
  }

  private func isToBeSearched(above named: SnapshotID) throws(FileFailure) -> Bool {
    if searches { return true }
    guard layout.isOnDisk else { return looksAhead }
    return evidence.last == nil ? true : try isFollowed(named)
  }

  /// The last commit to a bucket stays announced: where the pointer is an old one, what is there as a whole counts, since it
  /// may have been acknowledged.
  /// - Parameter last: what is known to have been committed after the snapshot that the pointer names.
  private mutating func announced(after last: SnapshotID?) throws(FileFailure) -> SnapshotID? {
    guard !layout.isOnDisk, let last, let newest = evidence.intended.max(), newest > last,
      unpublished.isDisjoint(with: evidence.intended), try base(ofAnnounced: evidence.intended) == last
    else { return nil }
    return newest
  }

  private func isLongAgo(_ id: SnapshotID) -> Bool {
    id.value &+ Self.longestCommit <= UInt64(clamping: Timestamp.now().nanoseconds)
  }

  /// The snapshot that an announced commit follows, `0` where it is the first; nil where not all of it is there. Each of its
  /// snapshots has its canonical manifest when those in partitions are written.
  mutating func base(
    ofAnnounced ids: Set<SnapshotID>, visit: (Manifest) -> Void = { _ in }
  ) throws(FileFailure) -> SnapshotID? {
    var quiet = self
    defer { takeRefusals(of: quiet) }
    var next = ids.max()
    while let id = next, ids.contains(id) {
      guard let manifest = try quiet.canonical(id) else { return nil }
      visit(manifest)
      next = manifest.parent.flatMap { $0 < id ? $0 : nil }
    }
    return next ?? .beforeAll
  }

  /// Whether anything was made among canonical manifests after that of a snapshot, as far as folders tell: then it is worth
  /// to list them. Also where `latest` was put back together with `latest.lock`, and by what puts back the times of folders as
  /// well: nobody can set when one was changed.
  private func isFollowed(_ id: SnapshotID) throws(FileFailure) -> Bool {
    guard let all = try layout.store.times(ofFolder: layout.segments)?.changed,
      let own = try layout.store.modified(layout.canonicalFolder(id))
    else { return true }
    return all > own
  }

  /// The newest snapshot above the pointer that nobody is at work on and that has data.
  private mutating func committed(above named: SnapshotID) throws(FileFailure) -> SnapshotID? {
    let above = Set(try candidates(above: named)).subtracting(unpublished)
    guard let newest = try newest(of: above, stillAbove: named) else { return nil }
    if isLongAgo(newest) { return newest }
    OwnThread.block(for: Self.lateness)
    return try self.newest(of: above, stillAbove: named)
  }

  /// Of those that no writer has in hand by now.
  private mutating func newest(
    of ids: Set<SnapshotID>, stillAbove named: SnapshotID
  ) throws(FileFailure) -> SnapshotID? {
    guard !ids.isEmpty else { return nil }
    let intended = try CommitEvidence(layout).intended
    guard try pointer() == named else { return nil }
    for id in ids.subtracting(intended).sorted(by: >) where try hasData(id) { return id }
    return nil
  }

  private mutating func candidates(above named: SnapshotID) throws(FileFailure) -> [SnapshotID] {
    if searches { return Array(try manifests { $0 > named }.keys) }
    return try layout.isOnDisk
      ? canonicalIDs { $0 > named } : layout.store.snapshots(in: layout.segments, above: named)
  }

  /// Ids of canonical manifests, readable or not.
  mutating func canonicalIDs(where isWanted: (SnapshotID) -> Bool) throws(FileFailure) -> [SnapshotID] {
    guard layout.isOnDisk else { return try layout.store.snapshots(in: layout.segments).filter(isWanted) }
    var ids: [SnapshotID] = []
    for id in try children(of: layout.segments).compactMap({ SnapshotID($0) }) where isWanted(id) {
      if try isThere(id) { ids.append(id) }
    }
    return ids
  }

  /// False for one that cannot be read: nobody knows what it names.
  private mutating func hasData(_ id: SnapshotID) throws(FileFailure) -> Bool {
    var quiet = self
    defer { takeRefusals(of: quiet) }
    guard let manifest = try quiet.manifest(id) else { return false }
    for file in manifest.files where try layout.store.exists(layout.path(of: file.path)) { return true }
    return false
  }

  /// The id that `latest` names; nil when there is no usable pointer.
  func pointer() throws(FileFailure) -> SnapshotID? { try pointerBytes().flatMap(Self.pointer) }

  func pointerBytes() throws(FileFailure) -> [UInt8]? {
    try layout.store.bytes(layout.pointer, limit: Self.pointerLimit)
  }

  /// The same as `pointer`, for who follows a dataset.
  func glanceAtPointer() throws(FileFailure) -> SnapshotID? {
    try layout.store.glance(layout.pointer, limit: Self.pointerLimit).flatMap(Self.pointer)
  }

  /// The id in a pointer's text, around which others may have put spaces.
  static func pointer(_ bytes: [UInt8]) -> SnapshotID? {
    let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
    guard let last = bytes.lastIndex(where: { !isSpace($0) }) else { return nil }
    return SnapshotID(String(decoding: bytes[...last].drop(while: isSpace), as: UTF8.self))
  }

  /// Snapshots that a commit onto the head would hide for good; `0` where it is not known which.
  /// - Parameter head: as `head` found it.
  mutating func lost(below head: Manifest?) throws(FileFailure) -> [SnapshotID] {
    var lost: Set<SnapshotID> = []
    if let expected, head.map({ $0.id < expected }) ?? true { lost.insert(expected) }
    // Who has looked through everything has found what there is.
    if damage == .unusable, evidence.last == nil, !searches { lost.insert(.beforeAll) }
    if let last = evidence.last, let head, head.id > last, head.parent != last {
      _ = try walk(from: head, downTo: last) { _ in }
    }
    return lost.union(leftOut).sorted()
  }
}
