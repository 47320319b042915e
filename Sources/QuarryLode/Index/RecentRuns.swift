import QuarryCore

/// The runs that the newest snapshots hold records of, each with what it has come to by now: those above a known snapshot,
/// or all.
struct RecentRuns {
  /// Runs are read so many at a time: most of it is waiting for the store.
  private static let width = 8
  /// Less runs than so many for each are not worth another thread.
  private static let leastSlice = 32

  private(set) var entries = FreshEntries()
  private(set) var days: DayFolders
  /// A sentence for each thing that could not be read.
  private(set) var warnings: [String] = []
  /// How many were read.
  private(set) var snapshots = 0
  /// Where the walk ended: the known snapshot, or an older one where that is not on the chain; nil at the chain's start.
  private(set) var end: SnapshotID?
  /// Names of the runs that were met, by the place of their day folder.
  private var names: [Set<String>] = []
  /// The same, in the order in which they were met.
  private var met: [(day: Int, name: String)] = []

  /// - Parameter days: the day folders that have a place already.
  init(days: DayFolders) { self.days = days }

  mutating func read(with inspector: RunInspector, downTo known: SnapshotID?) throws(QuarryError) {
    var inspector = inspector
    let (layout, marked) = (inspector.reader.layout, days.paths.count)
    var copies = MissingCopies(layout: layout)
    var current = inspector.reader.newest
    while let manifest = current, known.map({ manifest.id > $0 }) ?? true {
      snapshots += 1
      let size = inspector.reader.chain.size(of: manifest.id)
      try layout.described { () throws(FileFailure) in try copies.look(for: manifest, size: size) }
      for file in manifest.files { meet(file, of: layout) }
      current = try inspector.parent(of: manifest)
    }
    end = current?.id
    warnings = copies.warnings + inspector.warnings
    try layout.described { () throws(FileFailure) in try days.mark(from: marked, in: layout) }
    try readMet(with: inspector)
    met = []
    entries.sort()
  }

  /// Whether a run of an index was met, and is told anew.
  func replaces(_ entry: RunEntry) -> Bool {
    guard entry.day < names.count, !names[entry.day].isEmpty, let name = entry.string(.name) else { return false }
    return names[entry.day].contains(name)
  }

  private mutating func meet(_ file: Manifest.File, of layout: DatasetLayout) {
    guard let partition = layout.partition(ofDataKey: file.path), let run = RunPath(partition),
      run.source != LodeLedger.source
    else { return }
    let day = days.place(of: run.dayFolder)
    if day >= names.count { names += repeatElement([], count: day + 1 - names.count) }
    let name = run.name
    if names[day].insert(name).inserted { met.append((day, name)) }
  }

  private mutating func readMet(with inspector: RunInspector) throws(QuarryError) {
    // Where something is damaged each thread would look for it in the whole dataset.
    let width = warnings.isEmpty ? Self.width : 1
    let size = max(Self.leastSlice, (met.count + width - 1) / width)
    let slices = stride(from: 0, to: met.count, by: size).map { $0..<min($0 + size, met.count) }
    let parts = Concurrently.map(slices, width: width) { [met, days] slice in
      Result { () throws(QuarryError) in try Self.read(met[slice], in: days, with: inspector) }
    }
    for part in parts {
      let (runs, warnings) = try part.get()
      entries.add(runs)
      for warning in warnings where !self.warnings.contains(warning) { self.warnings.append(warning) }
    }
  }

  private static func read(
    _ runs: ArraySlice<(day: Int, name: String)>, in days: DayFolders, with inspector: RunInspector
  ) throws(QuarryError) -> (FreshEntries, warnings: [String]) {
    var (inspector, entries) = (inspector, FreshEntries())
    for (day, name) in runs {
      guard let run = RunPath("\(days.paths[day])/\(name)") else { continue }
      let index = try inspector.index(of: run)
      if let summary = try inspector.summary(of: run, index: index) { entries.add(summary, day: day) }
    }
    return (entries, inspector.warnings)
  }
}
