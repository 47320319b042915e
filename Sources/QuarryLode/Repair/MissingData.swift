import QuarryCore

/// Files of snapshots on the chain that are gone, or of another size than their manifests say: nothing in the dataset brings
/// them back. What somebody has removed (`RemovedRecords`) is not missed.
struct MissingData {
  private let layout: DatasetLayout
  private var removed: RemovedRecords
  private var named = FirstSentences()

  init(layout: DatasetLayout) {
    self.layout = layout
    removed = RemovedRecords(layout: layout)
  }

  /// A sentence for each, with what helps.
  var complaints: [String] {
    named.with { "\($0) more files are gone or damaged; `quarry lode verify\(layout.flags)` names them" }
  }

  /// - Parameter known: manifests of partitions that are known to be gone with their records.
  mutating func look(for manifest: Manifest, but known: Set<String>) throws(FileFailure) {
    var files: [Manifest.File] = []
    for file in manifest.files {
      let folder = layout.partition(ofDataKey: file.path).map { layout.segmentFolder(manifest.id, partition: $0) }
      if !known.contains("\(folder ?? "")/manifest.json") { files.append(file) }
    }
    files += manifest.sidecarFiles.map { Manifest.File(path: $0.path, sizeBytes: $0.size) }
    let sizes = layout.concurrently(files) { [layout] file throws(FileFailure) in
      try layout.store.size(of: layout.path(of: file.path))
    }
    for (file, size) in zip(files, sizes) {
      guard let flaw = try flaw(of: file, size, at: manifest.id) else { continue }
      named.add { "\(flaw): a copy of the dataset has it" }
    }
  }

  private mutating func flaw(
    of file: Manifest.File, _ size: Result<Int64?, FileFailure>, at id: SnapshotID
  ) throws(FileFailure) -> String? {
    do throws(FileFailure) {
      if let size = try size.get() { return CheckedLines(layout: layout, file: file).wrongSize(size) }
    } catch {
      guard layout.isOfOneFile(error) else { throw error }
      return error.sentence(layout)
    }
    return try removed.folder(ofKey: file.path, at: id) == nil ? CheckedLines.isGone(layout.path(of: file.path)) : nil
  }
}
