import QuarryCore
import QuarryFleet
import QuarryMetrics
import Synchronization

/// What a coordinator tells Prometheus: itself, and the fleet as Redis has it, which every coordinator of a fleet tells
/// alike.
final class CoordinatorMetrics: Sendable {
  let storage = StorageMeter()
  let redis = RedisMetrics()
  /// 0 while another leads.
  private let term = Atomic<Int64>(0)

  func note(_ notice: CoordinatorNotice) {
    switch notice {
    case .leading(let term): self.term.store(term, ordering: .relaxed)
    case .following: term.store(0, ordering: .relaxed)
    case .redis(let trouble): redis.note(trouble)
    default: break
    }
  }

  /// Why this coordinator is not well.
  var ailment: String? { redis.ailment }

  /// Without the fleet's when Redis does not answer soon.
  func families(of queue: FleetQueue) async -> [MetricFamily] {
    let term = term.load(ordering: .relaxed)
    var families = [
      MetricFamily(.gauge, "quarry_coordinator_leading", "1 while this process leads the fleet.", term > 0 ? 1 : 0)
    ]
    do throws(QuarryError) { families += try await FleetMetrics.families(queue.figures()) } catch {
      // What is missing is told by its absence, and why in the counts of Redis' errors.
    }
    return families + storage.ledgerFamilies + redis.families + OwnMetrics.families
  }
}
