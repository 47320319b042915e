import QuarryCore

/// Reads the snapshots of single partitions, from their folders, without following the whole chain. For one query.
struct PartitionReader {
  var chain: ChainReader
  let head: SnapshotID?
  private var onChain: Set<SnapshotID>?

  var layout: DatasetLayout { chain.layout }

  init(layout: DatasetLayout) throws(FileFailure) {
    chain = ChainReader(layout: layout)
    head = try chain.head()?.id
  }

  /// Ids of the snapshots that hold records of a partition, oldest first; by names of folders alone, so it may hold
  /// some that `manifest` then finds to be off the chain.
  func snapshots(of partition: String) throws(FileFailure) -> [SnapshotID] {
    guard let head else { return [] }
    let names = try FileReading.names(in: "\(layout.partitions)/\(partition)/segments")
    return names.compactMap { SnapshotID($0) }.filter { $0 <= head }.sorted()
  }

  /// The manifest of a snapshot on the chain; nil for one that is not.
  ///
  /// Writers remove what a crash left before they move the pointer, so a canonical manifest not above the head counts.
  /// Without a canonical one (old datasets) the chain itself is asked.
  mutating func manifest(_ id: SnapshotID) throws(FileFailure) -> Manifest? {
    guard let head, id <= head else { return nil }
    if !FileReading.exists("\(layout.canonicalFolder(id))/manifest.json"), try !wholeChain().contains(id) { return nil }
    return try chain.manifest(id)
  }

  /// The event types that a run has folders for, with the folder's name.
  func eventTypes(of run: RunPath) throws(FileFailure) -> [(type: String, partition: String)] {
    try FileReading.names(in: "\(layout.partitions)/\(run.path)").compactMap { name in
      RunPath.value(name, "event_type=").map { ($0, "\(run.path)/\(name)") }
    }.sorted { $0.type < $1.type }
  }

  private mutating func wholeChain() throws(FileFailure) -> Set<SnapshotID> {
    if let onChain { return onChain }
    var ids: Set<SnapshotID> = []
    var current = try chain.head()
    while let manifest = current {
      ids.insert(manifest.id)
      current = try chain.parent(of: manifest)
    }
    onChain = ids
    return ids
  }
}
