import Synchronization

/// Counts what connections do; one is shared by all that are made with the same options.
package final class RedisTally: Sendable {
  private let rounds = Atomic<Int>(0)
  private let failed = Atomic<Int>(0)
  private let refused = Atomic<Int>(0)

  package init() {}

  /// Exchanges with the server, a pipeline being one.
  package var roundTrips: Int { rounds.load(ordering: .relaxed) }
  /// Calls that got no answer: the server was away, silent, or the connection broke.
  package var failures: Int { failed.load(ordering: .relaxed) }
  /// Error replies.
  package var refusals: Int { refused.load(ordering: .relaxed) }

  func noteRoundTrip() { rounds.wrappingAdd(1, ordering: .relaxed) }

  func note(_ result: Call.Outcome) {
    switch result {
    case .failure: failed.wrappingAdd(1, ordering: .relaxed)
    case .success(let replies):
      for case .error in replies { refused.wrappingAdd(1, ordering: .relaxed) }
    }
  }
}
