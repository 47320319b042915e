import QuarryCore

/// Holds an index against the folders of the runs that it names: people, and the rules of a bucket, remove old records.
struct IndexedDays {
  /// With their marks as they are now.
  private(set) var folders = DayFolders()
  /// How many names were listed in days that will not have to be, once the index has their marks.
  private(set) var learned = 0

  /// - Returns: nil when a run is gone, or may not be looked at.
  init?(_ index: RunIndexFile, in layout: DatasetLayout) throws(QuarryError) {
    guard layout.isOnDisk else {
      guard try Self.areInBucket(index, layout) else { return nil }
      for day in index.days { folders.add(day.path, mark: 0) }
      return
    }
    guard let listed = try layout.described({ () throws(FileFailure) in try list(index, layout) }),
      try Self.areThere(index, listed)
    else { return nil }
  }

  /// Looks at each day with a stat, and lists those that have changed since.
  /// - Returns: the names in these, by the day's place; nil where a day is gone.
  private mutating func list(
    _ index: RunIndexFile, _ layout: DatasetLayout
  ) throws(FileFailure) -> [Int: Set<String>]? {
    var listed: [Int: Set<String>] = [:]
    do throws(FileFailure) {
      for (place, day) in index.days.enumerated() {
        let folder = "\(layout.partitions)/\(day.path)"
        guard let times = try layout.store.times(ofFolder: folder) else { return nil }
        let mark = DayFolders.mark(times)
        folders.add(day.path, mark: mark)
        guard mark == 0 || mark != day.mark else { continue }
        let names = try layout.store.names(in: folder)
        if mark != 0 { learned += names.count }
        listed[place] = Set(names)
      }
    } catch {
      // Reading without the index says what may not be looked at.
      guard error.isLocal else { throw error }
      return nil
    }
    return listed
  }

  private static func areThere(_ index: RunIndexFile, _ listed: [Int: Set<String>]) throws(QuarryError) -> Bool {
    guard !listed.isEmpty else { return true }
    var areThere = true
    try index.forEach { entry in
      if let names = listed[entry.day], let name = entry.string(.name) { areThere = names.contains(name) }
      return areThere
    }
    return areThere
  }

  /// A request for the oldest run of each day: whole days are removed, or what is old. Each is asked for by itself:
  /// SeaweedFS still names a folder in a listing whose objects are all gone.
  private static func areInBucket(_ index: RunIndexFile, _ layout: DatasetLayout) throws(QuarryError) -> Bool {
    var oldest: [Int: String] = [:]
    try index.forEach { entry in
      oldest[entry.day] = entry.string(.name)
      return true
    }
    let runs = oldest.map { "\(layout.partitions)/\(index.days[$0.key].path)/\($0.value)" }
    let found = layout.concurrently(runs) { run throws(FileFailure) in try layout.store.hasFolder(run) }
    return try layout.described { () throws(FileFailure) in
      for isThere in found where try !isThere.get() { return false }
      return true
    }
  }
}
