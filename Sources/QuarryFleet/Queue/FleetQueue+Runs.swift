import QuarryCore
import RedisClient

// What a worker asks for its runs.

extension FleetQueue {
  /// Leases up to `count` tasks to the worker, which must have joined; makes due work ready on the way. Tasks of jobs
  /// that name another storage than the worker's are not given to it.
  package func claim(
    workerID: String, count: Int, requestID: String
  ) async throws(QuarryError) -> ClaimAnswer {
    let runs = (0..<max(0, count)).map { _ in RedisArgument.text(variation.makeID()) }
    let reply = try await call(.claim, runs, requestID: requestID, actor: workerID)
    return try Replies.claim(reply, from: "claim")
  }

  /// Names the content of a script for the whole job, unless another was named before.
  /// - Returns: the hash that counts.
  package func vouch(
    for target: String, of jobID: String, hash: String, workerID: String
  ) async throws(QuarryError) -> String {
    let reply = try await call(.vouch, [.text(jobID), .text(target), .text(hash)], actor: workerID)
    guard let counts = reply[0]?.text else { throw Self.unexpected(reply, from: "vouch") }
    return counts
  }

  /// The executors' first frames have arrived. Repeats change nothing.
  /// - Returns: for each, refused when the claim is no longer current, or its task was cancelled.
  package func started(
    _ tasks: [TaskAssignment], workerID: String, requestID: String
  ) async throws(QuarryError) -> [StartAnswer] {
    try Replies.started(
      try await call(.started, tasks.flatMap(\.proof), requestID: requestID, actor: workerID), count: tasks.count)
  }

  /// Lets others see why the worker claims nothing; empty when it is well.
  package func tell(health: String, workerID: String) async throws(QuarryError) {
    _ = try await call(.health, [.text(health)], actor: workerID)
  }

  /// Extends the leases of what the worker holds, and shows that the worker lives.
  /// - Parameter age: how long ago the list was made: what was claimed since then is not in it.
  package func renew(
    _ tasks: [TaskAssignment], age: Duration, workerID: String, requestID: String
  ) async throws(QuarryError) -> RenewAnswer {
    let reply = try await call(
      .renew, [.integer(age.milliseconds)] + tasks.flatMap(\.proof), requestID: requestID, actor: workerID)
    return try Replies.renew(reply)
  }

  /// Appends derived work of a run, in order, from index 0 without a gap; indexes that are in already are passed over.
  /// - Throws: `QuarryError(.usage)` when parameters are not a JSON object.
  package func emit(
    _ work: [DerivedWork], by task: TaskAssignment, workerID: String, requestID: String
  ) async throws(QuarryError) -> EmitAnswer {
    try Replies.emit(try await call(.emit, try Self.emission(work, task), requestID: requestID, actor: workerID))
  }

  private static func emission(_ work: [DerivedWork], _ task: TaskAssignment) throws(QuarryError) -> [RedisArgument] {
    var arguments = task.proof + [.integer(Int64(work.first?.index ?? 0))]
    for item in work { arguments.append(.text(try Emission.encode(item, job: task.jobID, under: task.taskID))) }
    return arguments
  }

  /// Makes each run its task's result. All that they emitted and stored must be acknowledged by then.
  /// - Returns: an answer for each, in their order.
  package func complete(
    _ runs: [RunCompletion], workerID: String, requestID: String
  ) async throws(QuarryError) -> [CompleteAnswer] {
    let arguments = runs.flatMap { run in
      let figures = run.figures
      return run.task.proof + [
        .integer(Int64(run.emitted ?? -1)), .integer(Int64(figures.itemCount)), .integer(Int64(figures.eventCount)),
        .text(Replies.encode(figures)), .text(run.notification), .text(run.claimsNext ? variation.makeID() : ""),
        .integer(Int64(figures.enqueuesRejected)), .text(figures.hosts.isEmpty ? "" : Replies.encode(figures.hosts)),
      ]
    }
    let reply = try await call(.complete, arguments, requestID: requestID, actor: workerID)
    return try Replies.complete(reply, of: runs)
  }

  /// Ends a run that does not count; its kind says which budget is charged.
  /// - Parameters:
  ///   - reason: stored with the task, at most 4 KiB of it.
  ///   - hasBegun: its executor had begun; a start that Redis was not told of counts from now.
  ///   - hosts: what the run learned of hosts; those that refused rest.
  package func fail(
    _ task: TaskAssignment, _ kind: TaskResult.FailureKind, reason: String, hasBegun: Bool = false,
    hosts: [HostNote] = [], workerID: String, requestID: String
  ) async throws(QuarryError) -> FailAnswer {
    let reply = try await call(
      .fail,
      task.proof + [
        .text(kind.rawValue), .text(reason.cut(to: 4_096)), .integer(variation.makeSeed()), hasBegun ? 1 : 0,
        .text(Replies.encode(hosts)),
      ], requestID: requestID, actor: workerID)
    return try Replies.fail(reply)
  }
}

extension TaskAssignment {
  /// What every fenced call names; the owner is the actor.
  var proof: [RedisArgument] { [.text(taskID), .text(runID), .integer(epoch)] }
}

extension String {
  /// The longest start of the text that is at most this many bytes of UTF-8 and cuts no character.
  func cut(to limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var end = utf8.index(utf8.startIndex, offsetBy: limit)
    while end > startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
    return String(self[..<end])
  }
}
