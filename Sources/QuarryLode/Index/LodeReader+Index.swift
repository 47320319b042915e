import QuarryCore

/// An index of runs that was written.
package struct RunIndexFigures: Sendable, Equatable {
  package let path: String
  package let runs: Int
  /// The newest snapshot that it knows of.
  package let head: SnapshotID
  /// Bytes.
  package let size: Int
  /// How many snapshots were read for it.
  package let snapshotsRead: Int
}

extension LodeReader {
  /// Brings the index of runs up to date, which reading commands else do when much is missing in it.
  /// - Parameter anew: reads every run again.
  /// - Returns: nil for a dataset without runs.
  /// - Throws: also when something is damaged: what is left out of an index would never be named again.
  package func refreshIndex(anew: Bool = false) throws(QuarryError) -> RunIndexFigures? {
    guard layout.runIndex != nil else {
      throw QuarryError(
        .usage, "there is no place for the index of a bucket's runs", remedy: "set XDG_CACHE_HOME, or HOME")
    }
    let catalog = try RunCatalog(layout: layout, usesIndex: !anew)
    if let warning = catalog.damages.first {
      throw QuarryError(
        .storage, "a damaged dataset is read without an index: \(warning)",
        remedy: "`quarry lode verify\(layout.flags)` says what is wrong with it")
    }
    return try catalog.keep()
  }
}
