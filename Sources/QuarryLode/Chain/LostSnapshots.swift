import QuarryCore

/// Snapshots that `latest` named and that were not there when the next one was committed, which nothing else would tell from
/// then on: the chain goes on with what was found. Each is a file in `.quarry/lost`, until a person removes it.
enum LostSnapshots {
  /// To be called before the commit that hides it.
  static func note(_ id: SnapshotID, in layout: DatasetLayout, store: any WritableStore) throws(FileFailure) {
    let path = "\(layout.lost)/\(id)"
    let text =
      "\(Timestamp.now().text()): latest named this snapshot, no manifest of it was there, and another was committed\n"
    if try store.create(path, Array(text.utf8)) { try store.settle([path], .commit) }
  }

  /// A sentence for each, the oldest first.
  static func warnings(in layout: DatasetLayout) throws(FileFailure) -> [String] {
    try layout.store.names(in: layout.lost).compactMap { SnapshotID($0) }.sorted().map { id in
      "snapshot \(id) is lost: it was not there when the next was committed, and what it held is left out "
        + "(bring it back, or remove \(layout.lost)/\(id) to do without it)"
    }
  }
}
