import QuarryCore
import QuarryFleet
import Synchronization

/// Looks at a fleet as a whole. What it asks for is bounded, whatever the fleet holds.
final class TopReader: Sendable {
  private static let (jobs, workers) = (100, 200)

  private let address: FleetAddress
  private let rate = Mutex(TopRate())

  init(address: FleetAddress) { self.address = address }

  func read(in context: CommandContext) async throws -> DocumentReading {
    let isFirst = rate.withLock { $0.isEmpty }
    var snapshot = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
      let view = try await queue.queueView()
      return TopSnapshot(
        name: address.name, fleet: try await queue.fleetView(), queue: view,
        jobs: try await queue.jobs(limit: Self.jobs), workers: try await queue.workers(limit: Self.workers),
        perSecond: isFirst ? try await queue.recentEndsPerSecond(now: view.at) : nil)
    }
    let (ended, isOpen, recent) = (snapshot.ended, snapshot.hasOpenJobs, snapshot.perSecond)
    snapshot.perSecond = rate.withLock { rate in
      rate.add(ended, at: FleetClock.system.boot(), recent: isOpen ? recent : nil)
      return rate.perSecond
    }
    return DocumentReading(document: .top(snapshot), notes: [], at: snapshot.queue.at)
  }

  func news(in context: CommandContext) async -> DocumentFeed.News {
    do {
      return .read(try await read(in: context))
    } catch {
      return .failed((error as? QuarryError)?.message ?? "\(error)", at: .now())
    }
  }
}

/// Ends of tasks a second: at first those of the events of the last minute, later those between the looks of the last ten
/// seconds.
private struct TopRate: Sendable {
  private var meter: ThroughputMeter?
  private var recent: Double?
  private var last = 0

  var isEmpty: Bool { meter == nil }
  var perSecond: Double? { meter?.perSecond ?? recent }

  /// - Parameter ended: of all jobs that are known; less than before when some were let go.
  mutating func add(_ ended: Int, at now: UInt64, recent: Double?) {
    if meter == nil { self.recent = recent }
    if ended < last { meter = nil }
    last = ended
    var meter = self.meter ?? ThroughputMeter()
    meter.add(ended, at: now)
    self.meter = meter
  }
}
