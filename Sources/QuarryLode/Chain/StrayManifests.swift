import QuarryCore

/// Manifests beside the chain and older than its head.
///
/// No crash of a writer leaves one for long: the next one removes it before it moves the pointer. It is rather a snapshot
/// that was committed, then damaged, so that the writers after it went on below it; what it names may be whole, and
/// readers of single runs may still print it.
struct StrayManifests {
  private let layout: DatasetLayout
  /// Off the chain when they were looked for, whether older than the head then or not.
  private let found: [SnapshotID: [String]]

  init(layout: DatasetLayout, reachable: Reachable) throws(FileFailure) {
    self.layout = layout
    found = try ChainReader(layout: layout).manifests { reachable.place(of: $0) == nil }
  }

  /// Those that cannot be read, and those whose data is there. The others are leftovers.
  func damaged(_ reachable: Reachable) throws(FileFailure) -> [(path: String, problem: String)] {
    guard let head = reachable.ids.first else { return [] }
    var damaged: [(path: String, problem: String)] = []
    for (id, paths) in found.sorted(by: { $0.key < $1.key }) where id < head && reachable.place(of: id) == nil {
      for path in paths.sorted() {
        guard let problem = try problem(of: path, id, reachable) else { continue }
        damaged.append((path, "is older than the newest snapshot and not on its chain, and \(problem)"))
      }
    }
    return damaged
  }

  private func problem(of path: String, _ id: SnapshotID, _ reachable: Reachable) throws(FileFailure) -> String? {
    guard let bytes = try FileReading.bytes(path) else { return nil }
    do throws(Manifest.Unreadable) {
      let manifest = try Manifest(parsing: bytes)
      guard manifest.id == id else { return "it is the manifest of snapshot \(manifest.id)" }
      let keys = manifest.files.map(\.path) + manifest.sidecarFiles.map(\.path)
      return keys.first { !reachable.names($0) && FileReading.exists(layout.path(of: $0)) }.map { "its \($0) is there" }
    } catch { return "it cannot be read: \(error.reason)" }
  }
}
