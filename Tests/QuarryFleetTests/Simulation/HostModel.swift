import QuarryCore
import QuarryFleet

/// What politeness allows at each host: how many at once, how far apart, and when not at all. Times are the fleet's, in ms.
struct HostModel {
  /// Of a host alone; they stand in for the fleet's.
  var own: [String: (slots: Int, gap: Int64)] = [:]
  /// Jobs that have had work at a host.
  private var comers: [String: Set<String>] = [:]
  private var rests: [String: Int64] = [:]
  private var lastStart: [String: (at: Int64, isSpaced: Bool)] = [:]
  /// Spacing that held when each run was claimed.
  private var gaps: [String: Int64] = [:]

  private func bounds(of host: String, _ jobs: [String: FleetModel.Job]) -> (slots: Int, gap: Int64) {
    var (slots, gap) = own[host] ?? (Int.max, 0)
    for job in comers[host, default: []] {
      slots = min(slots, jobs[job]?.politeness.hostConcurrency ?? .max)
      gap = max(gap, jobs[job]?.politeness.hostDelay?.milliseconds ?? 0)
    }
    return (slots, gap)
  }

  mutating func claim(
    _ task: TaskFact, _ tasks: [String: TaskFact], _ jobs: [String: FleetModel.Job], at now: Int64
  ) -> [String] {
    guard !task.host.isEmpty else { return [] }
    visit(task, jobs)
    let (slots, gap) = bounds(of: task.host, jobs)
    gaps[task.run] = gap
    var problems: [String] = []
    let there = tasks.values.filter { $0.host == task.host && $0.state == .leased && $0.id != task.id }
    if there.count >= slots { problems.append("\(task.host) gets a task beside \(there.count), bound \(slots)") }
    if gap > 0, there.contains(where: { $0.startedAt == nil }) {
      problems.append("\(task.host) gets a task while one starts")
    }
    if let rest = rests[task.host], now < rest { problems.append("\(task.host) rests for \(rest - now) ms more") }
    return problems
  }

  /// A job with bounds is at a host.
  mutating func visit(_ task: TaskFact, _ jobs: [String: FleetModel.Job]) {
    guard let own = jobs[task.job]?.politeness, own.hostConcurrency != nil || own.hostDelay != nil else { return }
    comers[task.host, default: []].insert(task.job)
  }

  /// An executor begins, whether Redis is told of it or not.
  mutating func start(_ run: String, _ host: String, _ jobs: [String: FleetModel.Job], at now: Int64) -> String? {
    guard !host.isEmpty else { return nil }
    let gap = gaps[run] ?? 0
    defer { lastStart[host] = (now, bounds(of: host, jobs).gap > 0) }
    // What began before there was any spacing at the host is not remembered.
    guard let last = lastStart[host], last.isSpaced, now < last.at + gap else { return nil }
    return "starts at \(host) are \(now - last.at) ms apart, not \(gap)"
  }

  /// Bounds of jobs that are over hold no more.
  mutating func forget(allBut open: Set<String>) {
    for host in comers.keys { comers[host]?.formIntersection(open) }
  }

  mutating func rest(_ host: String, until: Int64) { rests[host] = max(rests[host] ?? 0, until) }
}
