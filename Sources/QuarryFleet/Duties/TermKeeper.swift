import QuarryCore

/// Takes the term lock when it is free and renews it well before it ends, so that one coordinator leads at a time.
struct TermKeeper: Sendable {
  let queue: FleetQueue
  let caller: PatientCaller
  let coordinatorID: String
  let leadership: Leadership
  let health: CoordinatorHealth
  let clock: FleetClock
  let notice: @Sendable (CoordinatorNotice) -> Void

  /// A coordinator that is gone is replaced after this long.
  static let term = Duration.seconds(6)

  func run() async {
    var leader: String?
    while !Task.isCancelled {
      let sentAt = clock.boot()
      let answer = await tryTake(until: sentAt + Self.term.nanoseconds)
      switch answer {
      case .leading(let term):
        if leadership.set(.coordinator(term: term)) { notice(.leading(term: term)) }
        leader = coordinatorID
      case .other(let other):
        leadership.set(nil)
        if leader != other { notice(.following(leader: other)) }
        leader = other
      case nil:
        leadership.set(nil)
        leader = nil
      }
      await clock.sleep(Self.term / 3)
    }
  }

  /// Gives up, and with it the right to lead, when the term that was held is over.
  private func tryTake(until end: UInt64) async -> TermAnswer? {
    await withTaskGroup(of: TermAnswer?.self) { group in
      group.addTask {
        await caller.call { () async throws(QuarryError) in
          try await queue.takeTerm(coordinatorID: coordinatorID, lasting: Self.term, health: health.text)
        }
      }
      group.addTask {
        let now = clock.boot()
        await clock.sleep(.nanoseconds(Int64(end > now ? (end - now) / 3 : 0)))
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
  }
}
