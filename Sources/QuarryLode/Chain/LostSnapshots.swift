import QuarryCore

/// Snapshots that `latest` named, or should have named, when another was committed that does not follow them, which nothing
/// else would tell from then on: the chain goes on with what was found. Each is a file in `.quarry/lost`, until a person
/// removes it; `0` where it is not known which one.
enum LostSnapshots {
  /// To be called before the commit that hides it.
  static func note(_ id: SnapshotID, in layout: DatasetLayout, store: any WritableStore) throws(FileFailure) {
    let path = "\(layout.lost)/\(id)"
    let text =
      "\(Timestamp.now().text()): this was the newest snapshot, and another was committed that does not follow it\n"
    if try store.create(path, Array(text.utf8)) { try store.settle([path], .commit) }
  }

  /// A sentence for each, the oldest first. One that came late after all, and onto the chain, is none.
  static func warnings(in layout: DatasetLayout) throws(FileFailure) -> [String] {
    var lost = try layout.store.names(in: layout.lost).compactMap { SnapshotID($0) }.sorted()
    var chain = ChainReader(layout: layout, forgives: true)
    var back: [SnapshotID] = []
    for id in lost where try chain.isThere(id) { back.append(id) }
    if let oldest = back.first {
      let head = try chain.head()
      _ = try chain.walk(from: head, downTo: SnapshotID(oldest.value - 1)) { manifest in
        lost.removeAll { $0 == manifest.id }
      }
    }
    return lost.map { id in
      let what =
        id == .beforeAll
        ? "\(layout.pointer) named no snapshot when the next was committed: what it named before may be left out"
        : "snapshot \(id) is lost: it was not there when the next was committed, and what it held is left out"
      return "\(what) (remove \(layout.lost)/\(id) to do without it)"
    }
  }
}
