import Glibc
import QuarryCore
import Synchronization

/// Where a run has stored, as long as it lies there: the first file in each of its folders. Once one of them is not found
/// under its name, somebody has moved or removed what it lies in, and the run's next records would begin another place beside
/// the first, and pass for all of it.
///
/// In a bucket nothing can be moved, and nothing is looked at.
final class StoredPlaces: Sendable {
  private let layout: DatasetLayout
  private let runID: String
  /// The run's.
  private let folder: String
  /// Paths, by the folder.
  private let firstFiles = Mutex<[String: String]>([:])

  init(layout: DatasetLayout, run: RunPartition) {
    self.layout = layout
    runID = run.runID
    folder = "\(layout.partitions)/\(run.path)"
  }

  /// What a snapshot names by now.
  func note(_ written: WrittenBatch) {
    guard layout.isOnDisk else { return }
    let keys = written.files.map(\.path) + written.sidecars.map(\.path)
    firstFiles.withLock { files in
      for key in keys {
        let folder = layout.partition(ofDataKey: key) ?? "files"
        if files[folder] == nil { files[folder] = layout.path(of: key) }
      }
    }
  }

  /// One look at a name for each of these files (`access`), and for each folder from the source to the run (`lstat`).
  /// - Throws: `QuarryError(.storage)` that names the outermost folder which is gone, or a link, behind which nobody reads.
  func check() throws(QuarryError) {
    guard layout.isOnDisk else { return }
    let files = firstFiles.withLock { Array($0.values) }
    let missing = files.compactMap(layout.missingPart).min { $0.utf8.count < $1.utf8.count }
    if let missing { throw gone(missing) }
    guard FileReading.link(above: "\(folder)/files", below: layout.root) == nil else {
      throw FileFailure("write", folder, ELOOP).described(layout)
    }
  }

  private func gone(_ missing: String) -> QuarryError {
    QuarryError(
      .storage,
      "\(missing) was moved or removed while run '\(runID)' stored below it: what lay there is not in the dataset "
        + "any more, and nothing more of the run is stored",
      remedy: "put it back, and what lies there counts again; then run again for the rest")
  }
}

extension DatasetLayout {
  /// The outermost folder of a path on disk that is not there, the root at most, or the file itself; nil where all of it is,
  /// and where that cannot be seen: then what is done next says why.
  func missingPart(of path: String) -> String? {
    var missing: String?
    var place: String? = path
    while let current = place, current.utf8.count >= root.utf8.count {
      switch FileReading.isThere(current) {
      case true?: return missing
      case false?: missing = current
      case nil: return nil
      }
      place = FileSystem.parent(of: current)
    }
    return missing
  }
}
