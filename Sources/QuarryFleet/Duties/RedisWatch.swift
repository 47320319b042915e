import QuarryCore
import Synchronization

/// What is the matter with a fleet's Redis.
package enum RedisTrouble: Sendable, Equatable {
  case away(String)
  /// It answers, and does not what it is asked for: its memory is full, say.
  case refuses(String)

  package init(_ error: QuarryError) {
    self = error.isAnswer ? .refuses(error.description) : .away(error.description)
  }

  /// For a person.
  /// - Parameter trouble: nil when it is over.
  static func text(_ trouble: RedisTrouble?) -> String {
    switch trouble {
    case .away(let message): "Redis does not answer, trying on: \(message)"
    case .refuses(let message): "Redis refuses, trying on: \(message)"
    case nil: "Redis serves again"
    }
  }
}

/// Tells once what is the matter with Redis, and once that it is over, however many calls notice. Any answer ends an
/// outage; what Redis refuses is over when each call that it refused has got its answer, since it serves others meanwhile.
package final class RedisWatch: Sendable {
  /// Whether a call, which is made until it is answered, was refused.
  package struct Refusal: Sendable {
    fileprivate var isCounted = false
    package init() {}
  }

  private struct State {
    var outage: RedisTrouble?
    var refusal: RedisTrouble?
    /// Calls that were refused and are still made.
    var refused = 0
    var told: RedisTrouble?
  }
  private let state = Mutex(State())
  private let onChange: @Sendable (RedisTrouble?) -> Void

  /// - Parameter onChange: called with what is the matter, then with nil when all is well again; one call after the other, in
  ///   the order of what happened. Must not call back.
  package init(onChange: @escaping @Sendable (RedisTrouble?) -> Void) { self.onChange = onChange }

  package func failed(_ error: QuarryError, _ call: inout Refusal) {
    let isFirst = error.isAnswer && !call.isCounted
    call.isCounted = call.isCounted || error.isAnswer
    change { state in
      if error.isAnswer {
        state.outage = nil
        state.refusal = state.refusal ?? RedisTrouble(error)
      } else {
        state.outage = state.outage ?? RedisTrouble(error)
      }
      if isFirst { state.refused += 1 }
    }
  }

  package func answered(_ call: inout Refusal) {
    let wasRefused = call.isCounted
    call.isCounted = false
    change { state in
      state.outage = nil
      if wasRefused { state.refused -= 1 }
      if state.refused == 0 { state.refusal = nil }
    }
  }

  /// The call is not made again, which says nothing of Redis.
  package func gaveUp(_ call: Refusal) {
    if call.isCounted { state.withLock { $0.refused -= 1 } }
  }

  private func change(_ body: (inout State) -> Void) {
    state.withLock { state in
      body(&state)
      let trouble = state.outage ?? state.refusal
      guard trouble != state.told else { return }
      state.told = trouble
      onChange(trouble)
    }
  }
}
