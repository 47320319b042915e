import QuarryCore

/// The day folders that the entries of an index lie in, each once: `source=…/category=…/day=…` as they are on disk.
struct DayFolders {
  private(set) var paths: [String] = []
  /// Which state of each the entries are as of, if that is known; 0 where it is not. A folder that has its mark still holds
  /// the same runs.
  private(set) var marks: [Int64] = []
  private var places: [String: Int] = [:]
  /// A path in each, of which a run's is made.
  private var samples: [RunPath?] = []

  mutating func place(of path: String) -> Int {
    if let place = places[path] { return place }
    return add(path, mark: 0)
  }

  @discardableResult
  mutating func add(_ path: String, mark: Int64) -> Int {
    places[path] = paths.count
    paths.append(path)
    marks.append(mark)
    samples.append(RunPath("\(path)/run_id="))
    return paths.count - 1
  }

  /// Marks those from a place on, before their runs are read; of one that may not be looked at, that is said then.
  mutating func mark(from start: Int, in layout: DatasetLayout) throws(FileFailure) {
    for place in start..<max(start, paths.count) where layout.isOnDisk {
      do throws(FileFailure) {
        let times = try layout.store.times(ofFolder: "\(layout.partitions)/\(paths[place])")
        marks[place] = times.map { Self.mark($0) } ?? 0
      } catch {
        guard error.isLocal else { throw error }
      }
    }
  }

  /// Nil for an entry of no run.
  func run(_ entry: RunEntry) -> RunPath? {
    guard entry.day < samples.count, let name = entry.string(.name) else { return nil }
    return samples[entry.day]?.sibling(name, in: paths[entry.day])
  }

  /// When it was changed last, in nanoseconds; 0 also of one that may change again without another time, as clocks of file
  /// systems go by up to two seconds.
  static func mark(_ times: FolderTimes, now: Timestamp = .now()) -> Int64 {
    guard let changed = times.changed, now - changed > .seconds(2) else { return 0 }
    return changed.nanoseconds
  }
}
