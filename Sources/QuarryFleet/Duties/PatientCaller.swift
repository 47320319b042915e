import QuarryCore

/// Asks Redis until it answers, so that an outage of any length needs no restart: waits 0.1–20 s between tries.
///
/// Every transition may be sent twice, since a repeat carries the same request id.
package struct PatientCaller: Sendable {
  private let clock: FleetClock
  private let watch: RedisWatch
  private let onLost: @Sendable (QuarryError) -> Void

  /// - Parameter onLost: called when trying again cannot help: Redis is not the one that this process joined, say.
  package init(clock: FleetClock, watch: RedisWatch, onLost: @escaping @Sendable (QuarryError) -> Void) {
    self.clock = clock
    self.watch = watch
    self.onLost = onLost
  }

  /// What came of a call.
  package enum Outcome<Answer: Sendable>: Sendable {
    case answered(Answer)
    /// Redis answers, and has refused as often as it may.
    case refused(QuarryError)
    /// The calling task was cancelled or trying again cannot help.
    case ended

    package var refusal: QuarryError? { if case .refused(let error) = self { error } else { nil } }
  }

  /// - Parameter longestPause: between two tries, where others wait for this call to end.
  /// - Returns: the answer; nil when the calling task was cancelled or trying again cannot help.
  package func call<Answer: Sendable>(
    longestPause: Duration = .seconds(20), _ body: @Sendable () async throws(QuarryError) -> Answer
  ) async -> Answer? {
    guard case .answered(let answer) = await call(longestPause: longestPause, refusals: .max, body) else { return nil }
    return answer
  }

  /// - Parameter refusals: how often Redis may refuse, by an answer, before no other try is made; an outage is waited for.
  package func call<Answer: Sendable>(
    longestPause: Duration = .seconds(20), refusals: Int, _ body: @Sendable () async throws(QuarryError) -> Answer
  ) async -> Outcome<Answer> {
    var left = refusals
    var backoff = Backoff(longest: longestPause)
    var refusal = RedisWatch.Refusal()
    defer { watch.gaveUp(refusal) }
    while !Task.isCancelled {
      do throws(QuarryError) {
        let answer = try await body()
        watch.answered(&refusal)
        return .answered(answer)
      } catch {
        guard error.kind == .redis else {
          onLost(error)
          return .ended
        }
        if Task.isCancelled { return .ended }
        watch.failed(error, &refusal)
        left -= error.isAnswer ? 1 : 0
        if left == 0 { return .refused(error) }
      }
      await clock.sleep(backoff.next(draw: .random(in: 0..<1)))
    }
    return .ended
  }
}
