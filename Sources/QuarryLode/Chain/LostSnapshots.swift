import QuarryCore

/// Snapshots that were committed and that the chain goes on without, because they were not there when another was
/// committed, or because that one does not follow them. Nothing else would tell from then on, so each is a file in
/// `.quarry/lost` until `ManifestRepair` has put it back, or a person removes it; `0` where it is not known which one.
struct LostSnapshots {
  /// The oldest first. One that came late after all, and onto the chain, is none.
  let ids: [SnapshotID]
  private let layout: DatasetLayout

  init(_ layout: DatasetLayout) throws(FileFailure) {
    self.layout = layout
    ids = try Self.offTheChain(Self.noted(in: layout), layout)
  }

  /// To be called before the commit that hides it.
  static func note(_ id: SnapshotID, in layout: DatasetLayout, store: any WritableStore) throws(FileFailure) {
    let path = path(of: id, in: layout)
    let text = "\(Timestamp.now().text()): it was committed, and another that does not follow it\n"
    if try store.create(path, Array(text.utf8)) { try store.settle([path], .commit) }
  }

  static func path(of id: SnapshotID, in layout: DatasetLayout) -> String { "\(layout.lost)/\(id)" }

  /// Also those that are on the chain by now.
  static func noted(in layout: DatasetLayout) throws(FileFailure) -> [SnapshotID] {
    try layout.store.names(in: layout.lost).compactMap { SnapshotID($0) }.sorted()
  }

  private static func offTheChain(
    _ noted: [SnapshotID], _ layout: DatasetLayout
  ) throws(FileFailure) -> [SnapshotID] {
    guard !noted.isEmpty else { return [] }
    var chain = ChainReader(layout: layout, forgives: true)
    var back: [SnapshotID] = []
    for id in noted where try chain.isThere(id) { back.append(id) }
    guard let oldest = back.first else { return noted }
    var lost = noted
    let head = try chain.head()
    _ = try chain.walk(from: head, downTo: SnapshotID(oldest.value - 1)) { manifest in
      lost.removeAll { $0 == manifest.id }
    }
    return lost
  }

  /// A sentence for each.
  var warnings: [String] {
    ids.map { id in
      guard id != .beforeAll else {
        return "\(layout.pointer) named no snapshot when the next was committed: what it named before may be left out "
          + "(remove \(Self.path(of: id, in: layout)) to do without it)"
      }
      return "snapshot \(id) is lost: another was committed that does not follow it, and what it held is left out; "
        + "`quarry lode repair --yes\(layout.flags)` puts back what is there of it"
    }
  }
}
