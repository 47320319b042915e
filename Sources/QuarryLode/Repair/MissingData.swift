import QuarryCore

/// Files of snapshots on the chain that are gone, or of another size than their manifests say: nothing in the dataset brings
/// them back. What somebody has removed (`RemovedRecords`) is not missed.
struct MissingData {
  /// So many are named one by one.
  private static let most = 20
  /// A bucket is asked so many questions at a time.
  private static let width = 16

  private let layout: DatasetLayout
  private var removed: RemovedRecords
  private var named: [String] = []
  private var others = 0

  init(layout: DatasetLayout) {
    self.layout = layout
    removed = RemovedRecords(layout: layout)
  }

  /// A sentence for each, with what helps.
  var complaints: [String] {
    guard others > 0 else { return named }
    return named + ["\(others) more files are gone or damaged; `quarry lode verify\(layout.flags)` names them"]
  }

  /// - Parameter known: manifests of partitions that are known to be gone with their records.
  mutating func look(for manifest: Manifest, but known: Set<String>) throws(FileFailure) {
    var files: [Manifest.File] = []
    for file in manifest.files {
      let folder = layout.partition(ofDataKey: file.path).map { layout.segmentFolder(manifest.id, partition: $0) }
      if !known.contains("\(folder ?? "")/manifest.json") { files.append(file) }
    }
    files += manifest.sidecarFiles.map { Manifest.File(path: $0.path, sizeBytes: $0.size) }
    let sizes = Concurrently.map(files, width: layout.isOnDisk ? 1 : Self.width) { [layout] file in
      Result { () throws(FileFailure) in try layout.store.size(of: layout.path(of: file.path)) }
    }
    for (file, size) in zip(files, sizes) {
      guard let flaw = try flaw(of: file, size, at: manifest.id) else { continue }
      if named.count < Self.most { named.append("\(flaw): a copy of the dataset has it") } else { others += 1 }
    }
  }

  private mutating func flaw(
    of file: Manifest.File, _ size: Result<Int64?, FileFailure>, at id: SnapshotID
  ) throws(FileFailure) -> String? {
    do throws(FileFailure) {
      if let size = try size.get() { return CheckedLines(layout: layout, file: file).wrongSize(size) }
    } catch {
      guard error.isOfOneFile else { throw error }
      return error.described(layout).message
    }
    return try removed.folder(ofKey: file.path, at: id) == nil ? CheckedLines.isGone(layout.path(of: file.path)) : nil
  }
}
