import QuarryCore

/// A filter that is made ready for many entries: each day folder is judged once, and what remains without decoding.
struct EntryFilter {
  private let filter: RunFilter
  /// Ids of the runs that ledgers name; nil when it does not matter.
  private let accepted: Set<String>?
  /// By the day folder's place.
  private var days: [Bool?] = []

  init(_ filter: RunFilter, accepted: Set<String>?) {
    self.filter = filter
    self.accepted = accepted
  }

  mutating func accepts(_ entry: RunEntry, in folders: DayFolders) -> Bool {
    guard accepts(day: entry.day, in: folders), accepts(entry.state),
      filter.jobID.map({ entry.has(.jobID, $0) }) ?? true,
      filter.since.map({ since in entry.startedAt.map { $0 >= since } ?? false }) ?? true
    else { return false }
    guard filter.runID != nil || accepted != nil else { return true }
    let id = RunPath.value(entry.string(.name) ?? "", "run_id=") ?? ""
    return filter.runID.map { $0 == id } ?? true && accepted?.contains(id) ?? true
  }

  /// A run without an end may yet be judged to be lost.
  private func accepts(_ state: RunState) -> Bool {
    filter.state.map { $0 == state || $0 == .lost && state == .running } ?? true
  }

  private mutating func accepts(day place: Int, in folders: DayFolders) -> Bool {
    guard place < folders.paths.count else { return false }
    if place < days.count, let known = days[place] { return known }
    if place >= days.count { days += repeatElement(nil, count: place + 1 - days.count) }
    var any = filter
    any.runID = nil
    let isAccepted = RunPath("\(folders.paths[place])/run_id=").map { any.accepts($0) } ?? false
    days[place] = isAccepted
    return isAccepted
  }
}
