import QuarryCore
import RedisClient

// What coordinators, and workers while none leads, do for the whole fleet.

extension FleetQueue {
  /// Turns up to `limit` (500 at most) entries of the outbox into tasks.
  /// - Parameter term: of the leading coordinator; 0 for a worker, which may do it only while nobody leads.
  /// - Returns: entries taken, 0 when there are none; nil when another leads.
  package func admit(limit: Int, term: Int64, requestID: String) async throws(QuarryError) -> Int? {
    let reply = try await call(.admit, [.integer(term), .integer(Int64(limit))], requestID: requestID)
    guard let taken = reply[0]?.int else { throw Self.unexpected(reply, from: "admit") }
    return taken < 0 ? nil : Int(taken)
  }

  /// Takes back up to `limit` expired leases, makes due work ready, forgets silent workers, trims what retention lets go.
  package func reap(
    limit: Int, term: Int64, retention: Retention = Retention(), requestID: String
  ) async throws(QuarryError) -> ReapAnswer {
    let reply = try await call(
      .reap,
      [
        .integer(term), .integer(Int64(limit)), .integer(variation.makeSeed()),
        .integer(retention.doneAge.milliseconds),
        .integer(Int64(retention.doneCount)), .integer(retention.deadAge.milliseconds),
        .integer(Int64(retention.deadCount)),
      ], requestID: requestID)
    guard let taken = reply[0]?.int else { throw Self.unexpected(reply, from: "reap") }
    guard taken >= 0 else { return ReapAnswer(taken: 0) }
    guard let left = reply[2]?.int else { throw Self.unexpected(reply, from: "reap") }
    return ReapAnswer(taken: Int(taken), untilNextTick: left < 0 ? nil : .milliseconds(left))
  }

  /// Ends whose ledger record is not written, oldest first.
  package func pendingEntries(olderThan age: Duration, limit: Int) async throws(QuarryError) -> [PendingEntry] {
    let reply = try await call(.unsettled, [.integer(age.milliseconds), .integer(Int64(limit))])
    var entries: [PendingEntry] = []
    for element in reply.elements ?? [] { if let entry = try Replies.pending(element) { entries.append(entry) } }
    return entries
  }

  /// Removes entries whose record is durable. Their notifications may be sent from then on; jobs may be finished by it.
  package func settle(_ entries: [PendingEntry], requestID: String) async throws(QuarryError) {
    guard !entries.isEmpty else { return }
    _ = try await call(.settle, entries.map { .text($0.id) }, requestID: requestID)
  }

  /// Notifications that are sent.
  package func acknowledge(_ notifications: [Notification]) async throws(QuarryError) {
    guard !notifications.isEmpty else { return }
    _ = try await call(.acknowledge, notifications.flatMap { [.text($0.id), .text($0.jobID)] })
  }

  /// Takes the right to lead, or extends it, for this long from now.
  /// - Parameter health: why the coordinator is not well, which others see while it leads; empty when it is.
  package func takeTerm(
    coordinatorID: String, lasting: Duration, health: String = ""
  ) async throws(QuarryError) -> TermAnswer {
    let reply = try await call(
      .term, ["take", .integer(lasting.milliseconds), .text(health)], actor: coordinatorID)
    guard let term = reply[0]?.int, let leader = reply[1]?.text else { throw Self.unexpected(reply, from: "term") }
    return term > 0 ? .leading(term) : .other(leader)
  }

  package func releaseTerm(coordinatorID: String, within limit: Duration? = nil) async throws(QuarryError) {
    _ = try await call(.term, ["leave"], actor: coordinatorID, within: limit)
  }

  /// A worker comes: what a worker of its id held goes back to the queue.
  package func join(_ worker: WorkerPresence) async throws(QuarryError) {
    try Self.check(worker.workerID, as: "worker")
    links.storage.withLock { $0 = worker.storage.text }
    _ = try await call(
      .join,
      [
        "up", "host", .text(worker.host), "pid", .integer(Int64(worker.pid)), "version", .text(worker.version),
        "slots", .integer(Int64(worker.slots)), "storage", .text(worker.storage.text), "started_at",
        .integer(worker.startedAt.nanoseconds / 1_000_000),
      ], actor: worker.workerID)
  }

  /// A worker goes: what it still holds goes back to the queue.
  package func leave(workerID: String, within limit: Duration? = nil) async throws(QuarryError) {
    _ = try await call(.join, ["down"], actor: workerID, within: limit)
  }

  /// From now on the worker is given no task of the job; nil takes it back.
  package func refuse(jobID: String, because reason: String?, workerID: String) async throws(QuarryError) {
    _ = try await call(.refuse, [.text(jobID), .text(reason ?? "")], actor: workerID)
  }

  /// The lease that holds now; every claim and renewal says the one that it applied.
  package func timing() async throws(QuarryError) -> LeaseTiming { try await fleetView().timing }

  /// The coordinator that leads; nil while there is none.
  package func leader() async throws(QuarryError) -> String? { try await fleetView().leader }
}
