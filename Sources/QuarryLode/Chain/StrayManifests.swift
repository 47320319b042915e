import QuarryCore

/// Manifests beside the chain that no crash of a writer explains.
///
/// One that is older than the head: the next writer removes what a crash left before it moves the pointer, so it is rather
/// a snapshot that was committed, then damaged, so that the writers after it went on below it. One that is newer, of which
/// `latest.lock` says nothing: the pointer is an old one. What they name may be whole, and readers may still print it.
struct StrayManifests {
  private let layout: DatasetLayout
  /// What the last writer was about to publish: of what lies above the head, only that is what a crash left.
  private let intended: Set<SnapshotID>
  /// Off the chain when they were looked for, whether older than the head then or not.
  private let found: [SnapshotID: [String]]

  init(layout: DatasetLayout, reachable: Reachable) throws(FileFailure) {
    self.layout = layout
    intended = try CommitEvidence(layout).intended
    var chain = ChainReader(layout: layout)
    found = try chain.manifests { reachable.place(of: $0) == nil }
  }

  /// Those that cannot be read, and those whose data is there. The others are leftovers.
  func damaged(_ reachable: Reachable) throws(FileFailure) -> [(path: String, problem: String)] {
    let head = reachable.ids.first ?? .beforeAll
    var damaged: [(path: String, problem: String)] = []
    for (id, paths) in found.sorted(by: { $0.key < $1.key }) where reachable.place(of: id) == nil {
      for path in paths.sorted() {
        if id > head, try !isForgotten(id, path) { continue }
        guard let problem = try problem(of: path, id, reachable) else { continue }
        let place =
          id < head
          ? "is older than the newest snapshot and not on its chain"
          : "is newer than what \(layout.pointer) names, as if that file were an old one"
        damaged.append((path, "\(place), and \(problem)"))
      }
    }
    return damaged
  }

  /// Above the head, and no writer's that is at work or crashed.
  private func isForgotten(_ id: SnapshotID, _ path: String) throws(FileFailure) -> Bool {
    guard !intended.contains(id), let modified = try layout.store.modified(path) else { return false }
    return try layout.store.now(in: layout.folder) - modified >= LeftoverCollector.leastAge
  }

  private func problem(of path: String, _ id: SnapshotID, _ reachable: Reachable) throws(FileFailure) -> String? {
    guard let bytes = try layout.store.bytes(path) else { return nil }
    let manifest: Manifest
    do throws(Manifest.Unreadable) { manifest = try Manifest(parsing: bytes) } catch {
      return "it cannot be read: \(error.reason)"
    }
    guard manifest.id == id else { return "it is the manifest of snapshot \(manifest.id)" }
    for key in manifest.files.map(\.path) + manifest.sidecarFiles.map(\.path) where !reachable.names(key) {
      if try layout.store.exists(layout.path(of: key)) { return "its \(key) is there" }
    }
    return nil
  }
}
