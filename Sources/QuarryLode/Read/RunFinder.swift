import QuarryCore

/// Finds run partitions by their path alone: the folders are the index.
struct RunFinder {
  let layout: DatasetLayout

  /// The partitions of a run id, under whichever source, category and day.
  func find(runID: String) throws(FileFailure) -> [RunPath] {
    let names = Set([RunPartition.escape(runID), runID]).filter { !$0.contains("/") }.map { "run_id=\($0)" }
    var found: [RunPath] = []
    try days { day throws(FileFailure) in
      for name in names where FileReading.exists("\(layout.partitions)/\(day)/\(name)") {
        if let run = RunPath("\(day)/\(name)") { found.append(run) }
      }
    }
    return found.sorted { $0.path < $1.path }
  }

  /// Calls `visit` with `source=…/category=…/day=…` of each day folder.
  func days(
    source: String? = nil, category: String? = nil, visit: (String) throws(FileFailure) -> Void
  ) throws(FileFailure) {
    for sourceName in try children(of: "", key: "source=", value: source) {
      for categoryName in try children(of: sourceName, key: "category=", value: category) {
        let path = "\(sourceName)/\(categoryName)"
        for day in try children(of: path, key: "day=", value: nil) { try visit("\(path)/\(day)") }
      }
    }
  }

  /// The folders `key=…` in a partition folder, those of one value if one is given.
  func children(of folder: String, key: String, value: String?) throws(FileFailure) -> [String] {
    try FileReading.names(in: folder.isEmpty ? layout.partitions : "\(layout.partitions)/\(folder)").filter { name in
      guard let found = RunPath.value(name, key) else { return false }
      return value.map { $0 == found } ?? true
    }
  }
}
