import QuarryCore

/// Records of one run that are stored and that no manifest names yet.
package struct WrittenBatch: Sendable {
  /// The id that the data files' paths hold.
  let id: SnapshotID
  /// `source=…/category=…/day=…/run_id=…`
  let run: String
  /// Before its data was.
  let writtenAt: Timestamp
  let form: StoredForm
  /// Of a run whose id a person chose.
  var claim: RunClaim?
  /// One for each event type, with the run's path in front.
  var partitions: [String] = []
  var files: [Manifest.File] = []
  var rowCount: Int64 = 0
  /// To be listed with these records.
  var sidecars: [SidecarFile] = []
  /// Before the first of them was written.
  var sidecarsSince: Timestamp?

  /// Keys of all that it adds to the dataset.
  var keys: [String] { files.map(\.path) + sidecars.flatMap { [$0.path, Reachable.meta(of: $0)] } }
}

/// One snapshot to be: the batches that it makes visible. They are of one dataset object, and so of one form.
package struct SnapshotPlan: Sendable {
  var batches: [WrittenBatch]
  /// A lost snapshot whose data is to be visible again; it has no batches then.
  private var restored: Manifest?
  /// What has to be held for that.
  private(set) var claim: (any StoreClaim)?

  init(batches: [WrittenBatch]) { self.batches = batches }

  init(restored: Manifest, claim: any StoreClaim) { (batches, self.restored, self.claim) = ([], restored, claim) }

  /// The greatest id under which its data lies; taken for the snapshot where it is still free, so that manifest and
  /// data share a folder.
  var preferredID: SnapshotID { batches.map(\.id).max() ?? SnapshotID(0) }

  /// - Parameter layout: of the dataset.
  func partitions(_ layout: DatasetLayout) -> [String] {
    let restored = restored?.files.compactMap { layout.partition(ofDataKey: $0.path) } ?? []
    return Array(Set(batches.flatMap(\.partitions) + restored)).sorted()
  }

  func manifest(layout: DatasetLayout, id: SnapshotID, parent: SnapshotID?, createdAt: String) -> Manifest {
    if var manifest = restored {
      manifest.restored = manifest.restored ?? manifest.id
      (manifest.id, manifest.parent, manifest.createdAt) = (id, parent, createdAt)
      return manifest
    }
    var manifest = Manifest(
      dataset: layout.dataset, id: id, createdAt: createdAt, sidecarFiles: batches.flatMap(\.sidecars),
      files: batches.flatMap(\.files).sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }, parent: parent,
      rowCount: batches.reduce(0) { $0 + $1.rowCount })
    if let form = batches.first?.form {
      manifest.compressor = form.compression.compressor
      manifest.checksumAlgorithm = form.checksumAlgorithm
    }
    return manifest
  }

  /// The snapshots for batches that are published together: one for all, but one of its own for each batch with
  /// sidecar files, because other readers give all files of a snapshot to each run in it.
  static func plans(for batches: [WrittenBatch]) -> [SnapshotPlan] {
    let plain = batches.filter(\.sidecars.isEmpty)
    let alone = batches.filter { !$0.sidecars.isEmpty }
    return (plain.isEmpty ? [] : [SnapshotPlan(batches: plain)]) + alone.map { SnapshotPlan(batches: [$0]) }
  }
}
