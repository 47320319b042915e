import QuarryCore
import RedisClient

/// What waits and what is out at workers, at one moment. Of a queue of many hosts a part, as `view_queue.lua` says.
package struct QueueView: Sendable, Equatable {
  package struct LaneView: Sendable, Equatable {
    package var lane: String
    /// Ready tasks of the hosts that were looked at.
    package var ready: Int
    /// Hosts that wait for their time, and those that may start a task now.
    package var waitingHosts: Int
    package var openHosts: Int
  }

  package struct HostView: Sendable, Equatable {
    /// Empty for work without a host.
    package var host: String
    /// Why nothing starts there; nil when something may.
    package var gate: TaskDetail.Gate?
    /// When it opens; nil when time alone does not open it.
    package var opensAt: Timestamp?
    package var running: Int
    /// Ready tasks by lane: high, default, low.
    package var ready: [Int]
  }

  package struct LeaseView: Sendable, Equatable {
    package var taskID: String
    package var jobID: String
    package var host: String
    package var workerID: String
    package var runID: String
    package var claimedAt: Timestamp
    package var endsAt: Timestamp
  }

  /// By the clock of Redis.
  package var at: Timestamp
  package var lanes: [LaneView]
  package var hosts: [HostView]
  /// There are hosts that were not looked at.
  package var hasMoreHosts: Bool
  package var leaseCount: Int
  /// Those that end first.
  package var leases: [LeaseView]

  init?(_ reply: RedisReply) {
    guard let now = reply[0]?.int, let lanes = reply[2]?.elements, let hosts = reply[3]?.elements,
      let leases = reply[6]?.elements
    else { return nil }
    at = Timestamp(milliseconds: now)
    self.lanes = lanes.compactMap(LaneView.init)
    self.hosts = hosts.compactMap(HostView.init)
    self.leases = leases.compactMap(LeaseView.init)
    hasMoreHosts = reply[4]?.int == 1
    leaseCount = Int(reply[5]?.int ?? 0)
  }
}

extension QueueView.LaneView {
  fileprivate init?(_ reply: RedisReply) {
    guard let lane = reply[0]?.text, let ready = reply[1]?.int, let waiting = reply[2]?.int, let open = reply[3]?.int
    else { return nil }
    self.init(lane: lane, ready: Int(ready), waitingHosts: Int(waiting), openHosts: Int(open))
  }
}

extension QueueView.HostView {
  fileprivate init?(_ reply: RedisReply) {
    guard let host = reply[0]?.text, let until = reply[2]?.int, let running = reply[3]?.int else { return nil }
    self.init(
      host: host, gate: reply[1]?.text.flatMap(TaskDetail.Gate.init(rawValue:)),
      opensAt: until < 0 ? nil : Timestamp(milliseconds: until), running: Int(running),
      ready: (4...6).map { Int(reply[$0]?.int ?? 0) })
  }
}

extension QueueView.LeaseView {
  fileprivate init?(_ reply: RedisReply) {
    guard let task = reply[0]?.text, let claimed = reply[5]?.int, let end = reply[6]?.int else { return nil }
    self.init(
      taskID: task, jobID: reply[1]?.text ?? "", host: reply[2]?.text ?? "", workerID: reply[3]?.text ?? "",
      runID: reply[4]?.text ?? "", claimedAt: Timestamp(milliseconds: claimed), endsAt: Timestamp(milliseconds: end))
  }
}

extension FleetQueue {
  /// - Parameter hosts: how many hosts and leases are looked at, 500 of each at most.
  package func queueView(hosts: Int = 100, leases: Int = 100) async throws(QuarryError) -> QueueView {
    let reply = try await call(.viewQueue, [.integer(Int64(hosts)), .integer(Int64(leases))])
    guard let view = QueueView(reply) else { throw Self.unexpected(reply, from: "view_queue") }
    return view
  }

  /// Ends of tasks a second lately: over the last minute, or the newest thousand events where those are younger.
  /// - Parameter now: by the clock of Redis.
  /// - Returns: nil when there are no events.
  package func recentEndsPerSecond(now: Timestamp) async throws(QuarryError) -> Double? {
    let events = try await newestEvents(limit: 1_000)
    let times = events.map { Timestamp(milliseconds: Int64($0.id.prefix { $0 != "-" }) ?? 0) }
    guard let oldest = times.last else { return nil }
    let start = max(oldest, Timestamp(nanoseconds: now.nanoseconds - 60_000_000_000))
    let ends = zip(events, times).count { $0.isEnd && $1 >= start }
    return Double(ends) * 1e9 / Double(max(1_000_000_000, now.nanoseconds - start.nanoseconds))
  }
}

extension FleetEvent {
  /// Whether a task is over by it.
  fileprivate var isEnd: Bool { ["run_completed", "task_dead", "task_cancelled"].contains(type) }
}
