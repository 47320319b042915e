import QuarryCore

/// Renews all that a worker holds, which also says that the worker lives and tells who leads the fleet.
struct LeaseKeeper: Sendable {
  let queue: FleetQueue
  let presence: WorkerPresence
  let caller: PatientCaller
  let leadership: Leadership
  let clock: FleetClock
  let watch: RedisWatch
  let report: @Sendable (WorkerEvent) -> Void

  /// Tries until Redis answers; each try counts from its own sending, since a renewal is no transition to repeat.
  func renew(_ tasks: [TaskAssignment]) async {
    var backoff = Backoff(longest: .seconds(2))
    var refusal = RedisWatch.Refusal()
    defer { watch.gaveUp(refusal) }
    let listedAt = clock.boot()
    while !Task.isCancelled {
      let sentAt = clock.boot()
      do throws(QuarryError) {
        let answer = try await queue.renew(
          tasks, age: .nanoseconds(Int64(sentAt - listedAt)), workerID: presence.workerID, requestID: UUIDv7.make())
        watch.answered(&refusal)
        leadership.set(answer.leader == nil ? .worker : nil)
        return report(.renewed(answer, named: tasks.map(\.runID), sentAt: sentAt))
      } catch {
        if error.kind != .redis { return report(.generationLost(error)) }
        if Task.isCancelled { return }
        watch.failed(error, &refusal)
      }
      await clock.sleep(backoff.next(draw: .random(in: 0..<1)))
    }
  }

  /// Says who the worker is.
  func join() async {
    _ = await caller.call { () async throws(QuarryError) in try await queue.join(presence) }
  }
}
