import QuarryCore

/// The day folders that the entries of an index lie in, each once: `source=…/category=…/day=…` as they are on disk.
struct DayFolders {
  private(set) var paths: [String] = []
  private var places: [String: Int] = [:]
  /// A path in each, of which a run's is made.
  private var samples: [RunPath?] = []

  init(_ paths: [String] = []) {
    for path in paths { _ = place(of: path) }
  }

  mutating func place(of path: String) -> Int {
    if let place = places[path] { return place }
    places[path] = paths.count
    paths.append(path)
    samples.append(RunPath("\(path)/run_id="))
    return paths.count - 1
  }

  /// Nil for an entry of no run.
  func run(_ entry: RunEntry) -> RunPath? {
    guard entry.day < samples.count, let name = entry.string(.name) else { return nil }
    return samples[entry.day]?.sibling(name, in: paths[entry.day])
  }
}
