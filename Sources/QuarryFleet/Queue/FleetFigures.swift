import QuarryCore
import RedisClient

/// The fleet in numbers, as one bounded script counts them; of open jobs alone where jobs are summed up.
package struct FleetFigures: Sendable, Equatable {
  /// Of one lane.
  package struct LaneFigures: Sendable, Equatable {
    package var lane: Lane
    /// Ready tasks that a claim would find now.
    package var eligible: Int
    /// Hosts with ready tasks that wait for their time.
    package var waitingHosts: Int
  }
  package var isPaused = false
  package var outbox = 0
  package var unsettled = 0
  package var unsentNotifications = 0
  package var waitingSubmissions = 0
  package var rejectedSubmissions = 0
  package var leased = 0
  package var scheduled = 0
  /// Since the first of the leases ended that nobody has taken back; zero when all hold.
  package var overdue = Duration.zero
  /// Since the worker was heard that has been silent longest.
  package var longestSilence = Duration.zero
  /// There are more open jobs or workers than were counted.
  package var isPartial = false
  package var openJobs = 0
  package var ready = 0
  package var done = 0
  package var dead = 0
  package var cancelled = 0
  package var retried = 0
  package var released = 0
  package var workers = 0
  /// Of the workers: those that claim nothing, because somebody said so or because they are not well.
  package var idledWorkers = 0
  package var slots = 0
  /// Of the worker that came last, if it is gone too; 1 when there was none.
  package var lastWorkerSlots = 1
  /// Eligible tasks that could start at once, as far as bounds of hosts and jobs go.
  package var startable = 0
  package var lanes: [LaneFigures] = []

  package init() {}

  package var eligible: Int { lanes.reduce(0) { $0 + $1.eligible } }
  /// Ready tasks that a host, a job or the fleet holds back.
  package var gated: Int { max(0, ready - eligible) }

  /// Workers of the mean size of those there are (of the last one's when there are none) that would have all run that can
  /// run now.
  package var desiredWorkers: Int {
    let size = max(1, workers == 0 ? lastWorkerSlots : slots / workers)
    return (leased + startable + size - 1) / size
  }
}

extension FleetQueue {
  /// - Parameter limit: for the answer; whoever watches does not wait for a Redis that is away.
  package func figures(within limit: Duration = .seconds(3)) async throws(QuarryError) -> FleetFigures {
    let command = command(.viewMetrics, [], requestID: "", actor: nil)
    // A connection of its own: a call that is too late takes those with it that share its connection.
    let link = links.blocking("metrics")
    let reply = try await answer(Script.viewMetrics.name) { () async throws(RedisError) in
      try await link.send(command, timeout: limit, repeatable: true)
    }
    func numbers(_ reply: RedisReply?, _ count: Int) throws(QuarryError) -> [Int] {
      let numbers = (reply?.elements ?? []).map { Int($0.int ?? 0) }
      guard numbers.count >= count else { throw Self.unexpected(.array([]), from: "view_metrics") }
      return numbers
    }
    let fleet = try numbers(reply, 17)
    let jobs = try numbers(reply[12], 7)
    let workers = try numbers(reply[13], 4)
    let eligible = try numbers(reply[15], 3)
    let hosts = try numbers(reply[16], 3)
    var figures = FleetFigures()
    figures.isPaused = fleet[1] == 1
    (figures.outbox, figures.unsettled, figures.unsentNotifications) = (fleet[2], fleet[3], fleet[4])
    (figures.waitingSubmissions, figures.rejectedSubmissions) = (fleet[5], fleet[6])
    (figures.leased, figures.scheduled) = (fleet[7], fleet[8])
    (figures.overdue, figures.longestSilence) = (.milliseconds(fleet[9]), .milliseconds(fleet[10]))
    figures.isPartial = fleet[11] == 1
    (figures.openJobs, figures.ready, figures.done, figures.dead) = (jobs[0], jobs[1], jobs[2], jobs[3])
    (figures.cancelled, figures.retried, figures.released) = (jobs[4], jobs[5], jobs[6])
    (figures.workers, figures.idledWorkers, figures.slots) = (workers[0], workers[1], workers[2])
    figures.lastWorkerSlots = workers[3]
    figures.startable = fleet[14]
    figures.lanes = [Lane.high, .default, .low].enumerated().map { index, lane in
      FleetFigures.LaneFigures(lane: lane, eligible: eligible[index], waitingHosts: hosts[index])
    }
    return figures
  }
}
