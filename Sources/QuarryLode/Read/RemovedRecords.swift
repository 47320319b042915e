import QuarryCore

/// Records that somebody has removed to do without them: nobody misses what they held. For one query.
///
/// That is so of whole days whose folder is gone. When a later run has made that again, it is so of the snapshots before
/// that, as long as the day holds nothing that is as old as they. It is so of a run that a person has named in
/// `.quarry/removed`. All else that is gone is damage.
struct RemovedRecords {
  private struct Day {
    /// Nil where the folder is gone.
    var times: FolderTimes?
    /// Of the snapshots that it holds, the oldest that was met.
    var oldest: SnapshotID?
    /// No older one is there.
    var isKnown = false
  }

  private let layout: DatasetLayout
  private var days: [String: Day] = [:]
  /// Else all days are gone at once, which nobody does to do without old ones. In a bucket the last takes it along.
  private var hasPartitions: Bool?

  init(layout: DatasetLayout) { self.layout = layout }

  /// The folder that was removed, a day's or a run's, with what a snapshot held in a partition; to be asked of what is gone.
  /// - Parameter partition: `source=…/category=…/day=…/run_id=…`, as it is on disk, and what is below.
  mutating func folder(of partition: String, at id: SnapshotID) throws(FileFailure) -> String? {
    guard let run = RunPath(partition) else { return nil }
    let folder = run.dayFolder
    var day = try look(at: folder)
    let isRemoved = try wasRemoved(&day, folder, with: id)
    days[folder] = day
    if isRemoved { return folder }
    return try layout.store.exists("\(layout.removed)/\(run.name.dropFirst("run_id=".count))") ? run.path : nil
  }

  /// The same, of the partition that a file lies in.
  /// - Parameter key: of a data file, or of one beside records.
  mutating func folder(ofKey key: String, at id: SnapshotID) throws(FileFailure) -> String? {
    let start = "\(layout.key)/partitions/"
    return key.hasPrefix(start) ? try folder(of: String(key.dropFirst(start.count)), at: id) : nil
  }

  private func look(at folder: String) throws(FileFailure) -> Day {
    if let known = days[folder] { return known }
    return Day(times: try layout.store.times(ofFolder: "\(layout.partitions)/\(folder)"))
  }

  private mutating func wasRemoved(_ day: inout Day, _ folder: String, with id: SnapshotID) throws(FileFailure) -> Bool
  {
    guard let times = day.times else {
      if let hasPartitions { return hasPartitions }
      let isThere = try layout.isOnDisk ? layout.store.hasFolder(layout.partitions) : true
      hasPartitions = isThere
      return isThere
    }
    guard try wasMadeAgain(times, since: id) else { return false }
    if let oldest = day.oldest, oldest <= id { return false }
    if !day.isKnown { try findOldest(in: folder, until: id, &day) }
    return day.oldest.map { $0 > id } ?? true
  }

  /// A disk says it, by one clock: the day's folder was there before the snapshot's manifest. One that does not keep when a
  /// folder was made leaves it open. In a bucket there are no folders, and its rules remove what is old.
  private func wasMadeAgain(_ times: FolderTimes, since id: SnapshotID) throws(FileFailure) -> Bool {
    guard layout.isOnDisk else { return true }
    guard let made = times.made else { return false }
    // Data may lie under another id than its snapshot's; an id is a time as well, by the writer's clock.
    let committed = try layout.store.modified("\(layout.canonicalFolder(id))/manifest.json")
    return made > committed ?? Timestamp(nanoseconds: Int64(clamping: id.value))
  }

  /// - Parameter id: one that is not newer answers the question.
  private func findOldest(in folder: String, until id: SnapshotID, _ day: inout Day) throws(FileFailure) {
    let finder = RunFinder(layout: layout)
    for run in try finder.children(of: folder, key: "run_id=", value: nil) {
      for type in try finder.children(of: "\(folder)/\(run)", key: "event_type=", value: nil) {
        let ids = try layout.store.snapshots(in: "\(layout.partitions)/\(folder)/\(run)/\(type)/segments")
        day.oldest = (ids + [day.oldest].compactMap(\.self)).min()
        if let oldest = day.oldest, oldest <= id { return }
      }
    }
    day.isKnown = true
  }
}
