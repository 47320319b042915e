import QuarryCore

/// The snapshots that count, kept up with what is committed. Every one of them can be read, and none was lost from the
/// chain by damage (`StrayManifests`), or there is no answer.
struct KnownSnapshots {
  private let layout: DatasetLayout
  private(set) var reachable = Reachable()
  /// These, and what was announced in a bucket, which whoever writes next may carry out.
  private(set) var kept = Reachable()
  private var head: SnapshotID?
  private var strays: StrayManifests?

  /// - Throws: `QuarryError(.storage)` for a dataset that is damaged.
  init(layout: DatasetLayout) throws(QuarryError) {
    self.layout = layout
    try catchUp(searches: true)
    let reachable = reachable
    strays = try layout.described { () throws(FileFailure) in
      try StrayManifests(layout: layout, reachable: reachable)
    }
    try checkStrays()
  }

  /// Adds what was committed since.
  /// - Parameter searches: see `ChainReader`.
  mutating func catchUp(searches: Bool = false) throws(QuarryError) {
    var chain = ChainReader(layout: layout, searches: searches)
    var newer = Reachable()
    var announced = Reachable()
    let (newest, meets) = try layout.described { () throws(FileFailure) in
      let newest = try chain.head()
      let end = try chain.walk(from: newest, downTo: head) { newer.add($0) }
      announced = try chain.announced(above: newest)
      let isNamed = try chain.isNamed(newest)
      return (newest, isNamed && end == head)
    }
    let lost = try layout.described { () throws(FileFailure) in try LostSnapshots(layout) }
    if let warning = (chain.warnings + lost.warnings).first { throw damaged(warning) }
    guard meets else {
      guard try layout.described({ () throws(FileFailure) in try layout.store.exists(layout.pointer) }) else {
        throw QuarryError(
          .storage,
          "nothing is removed from a dataset without \(layout.pointer), which only old and other programs' have",
          remedy: "let `quarry run` commit something to it first, which makes that file")
      }
      throw damaged("\(layout.pointer) does not name the newest snapshot that follows those before it")
    }
    reachable.add(newer: newer)
    kept = reachable
    kept.add(newer: announced)
    guard head != newest?.id else { return }
    head = newest?.id
    try checkStrays()
  }

  /// What a crashed writer left above the head may have come below it.
  private func checkStrays() throws(QuarryError) {
    let damage = try layout.described { () throws(FileFailure) in try strays?.damaged(reachable).first }
    if let damage { throw damaged("\(damage.path) \(damage.problem)") }
  }

  private func damaged(_ what: String) -> QuarryError {
    QuarryError(
      .storage, "nothing is removed from a dataset of which it is not known what counts: \(what)",
      remedy:
        "`quarry lode verify\(layout.flags)` says what is wrong with it, and `quarry lode repair --yes\(layout.flags)` mends what "
        + "can be")
  }
}

extension ChainReader {
  fileprivate func announced(above newest: Manifest?) throws(FileFailure) -> Reachable {
    var (announced, quiet) = (Reachable(), self)
    for id in evidence.intended.sorted(by: >) where !layout.isOnDisk && id > newest?.id ?? .beforeAll {
      if let manifest = try quiet.canonical(id) { announced.add(manifest) }
    }
    return announced
  }

  /// Whether `latest` names this snapshot, or one that was committed since it was read.
  fileprivate mutating func isNamed(_ newest: Manifest?) throws(FileFailure) -> Bool {
    guard let pointer = try pointerBytes() else { return newest == nil }
    guard let named = Self.pointer(pointer) else { return false }
    let known = newest?.id ?? .beforeAll
    return named > known ? try manifest(named) != nil : named == known
  }
}
