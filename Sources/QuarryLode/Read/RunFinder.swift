import QuarryCore

/// Finds run partitions by their path alone: the folders are the index.
struct RunFinder {
  let layout: DatasetLayout
  /// Gets the folders that may not be looked at, which are passed over then; nil: they are an error.
  var forgiven: ForgivenFailures?

  /// The partitions of a run id, under whichever source, category and day.
  func find(runID: String) throws(FileFailure) -> [RunPath] {
    var found: [RunPath] = []
    try days { day throws(FileFailure) in found += try folders(of: runID, in: day) }
    return found.sorted { $0.path < $1.path }
  }

  /// Calls `visit` with each run that the filter lets through, as far as paths tell.
  func runs(_ filter: RunFilter, visit: (RunPath) throws(QuarryError) -> Void) throws(QuarryError) {
    var days: [String] = []
    try layout.described { () throws(FileFailure) in
      try self.days(source: filter.source, category: filter.category) { days.append($0) }
    }
    for day in days where filter.day.map({ RunPath("\(day)/run_id=")?.day == $0 }) ?? true {
      for run in try runs(of: day, filter.runID) where filter.accepts(run) { try visit(run) }
    }
  }

  private func runs(of day: String, _ runID: String?) throws(QuarryError) -> [RunPath] {
    try layout.described { () throws(FileFailure) in
      if let runID { return try folders(of: runID, in: day) }
      return try children(of: day, key: "run_id=", value: nil).compactMap { RunPath("\(day)/\($0)") }
    }
  }

  private func folders(of runID: String, in day: String) throws(FileFailure) -> [RunPath] {
    var found: [RunPath] = []
    for name in Set([RunPartition.escape(runID), runID]) where !name.contains("/") {
      let path = "\(day)/run_id=\(name)"
      let isThere = try forgiving(false) { () throws(FileFailure) in
        try layout.store.hasFolder("\(layout.partitions)/\(path)")
      }
      // What one id is as it stands may be another's as it is escaped.
      if isThere, let run = RunPath(path), run.runID == runID { found.append(run) }
    }
    return found
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
    let names = try forgiving([]) { () throws(FileFailure) in
      try layout.store.names(in: folder.isEmpty ? layout.partitions : "\(layout.partitions)/\(folder)")
    }
    return names.filter { name in
      guard let found = RunPath.value(name, key) else { return false }
      return value.map { $0 == found } ?? true
    }
  }

  private func forgiving<Value>(
    _ instead: Value, _ work: () throws(FileFailure) -> Value
  ) throws(FileFailure) -> Value {
    do { return try work() } catch {
      guard let forgiven, error.isLocal else { throw error }
      forgiven.add(error)
      return instead
    }
  }
}
