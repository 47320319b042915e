import QuarryCore
import RedisClient

/// What a job was told.
package enum JobHold: String, Sendable, CaseIterable {
  /// Nothing of it is handed out, and nothing more admitted.
  case pause
  /// Nothing more is admitted; what is there is run.
  case drain
  /// What waits is cancelled, what runs is stopped.
  case cancel
}

/// What a worker was told.
package enum WorkerHold: String, Sendable, CaseIterable {
  /// It is handed nothing.
  case pause
  /// It ends its runs and leaves.
  case drain
}

/// What people's commands are about.
package enum ControlSubject: Sendable, Equatable {
  case fleet
  case job(String)
  case task(String)
  case worker(String)
  case host(String)

  package var kind: String {
    switch self {
    case .fleet: "fleet"
    case .job: "job"
    case .task: "task"
    case .worker: "worker"
    case .host: "host"
    }
  }

  package var id: String {
    switch self {
    case .fleet: ""
    case .job(let id), .task(let id), .worker(let id), .host(let id): id
    }
  }
}

package enum ControlVerb: String, Sendable { case pause, resume, drain, cancel, requeue, set }

/// What came of a command.
package struct ControlAnswer: Sendable, Equatable {
  /// Each change of a fleet has the next number; every worker knows it within a heartbeat.
  package var version: Int64
  /// False when all was so before.
  package var hasChanged: Bool
}

/// Which dead tasks are meant; all that are given must fit.
package struct RequeueFilter: Sendable, Equatable {
  package var host: String?
  /// A failure's kind, for example `blocked`.
  package var failure: String?
  /// Part of the error, as it is written.
  package var error: String?

  package init(host: String? = nil, failure: String? = nil, error: String? = nil) {
    self.host = host
    self.failure = failure
    self.error = error
  }
}

/// What came of cancelling a job, so far.
package struct CancelProgress: Sendable, Equatable {
  package var answer: ControlAnswer
  /// Tasks that still have to be cancelled: repeat the call. The fleet does it too, in the pace of its reaper.
  package var waiting: Int
  /// Tasks whose executors are being stopped.
  package var running: Int

  package init(answer: ControlAnswer, waiting: Int, running: Int) {
    self.answer = answer
    self.waiting = waiting
    self.running = running
  }
}

package struct RequeuePage: Sendable, Equatable {
  package var answer: ControlAnswer
  package var tasks: [TaskView]
  /// Where the next page begins; nil when this was the last.
  package var next: Int?
  /// Tasks that fit and whose deaths the ledger does not have yet: they can be requeued a little later.
  package var unrecorded: Int
}

/// What Redis made of a command.
package enum ControlReply<Value: Sendable>: Sendable {
  case done(Value)
  /// Nothing was changed.
  case refused(ControlRefusal)

  /// - Throws: `QuarryError(.usage)` for a refusal.
  package func get() throws(QuarryError) -> Value {
    switch self {
    case .done(let value): value
    case .refused(let refusal): throw refusal.error
    }
  }
}

extension FleetQueue {
  /// Pauses, resumes or drains.
  package func control(
    _ verb: ControlVerb, _ subject: ControlSubject
  ) async throws(QuarryError) -> ControlReply<ControlAnswer> {
    try await ask(verb, subject) { _, answer in answer }
  }

  /// Cancels a task. One that a worker has ends so when its executor is stopped, within a heartbeat.
  package func cancel(taskID: String) async throws(QuarryError) -> ControlReply<ControlAnswer> {
    try await ask(.cancel, .task(taskID)) { _, answer in answer }
  }

  /// Cancels a job: from the first call on nothing of it is handed out, admitted or accepted.
  package func cancel(
    jobID: String, atMost limit: Int = 500
  ) async throws(QuarryError) -> ControlReply<CancelProgress> {
    try await ask(.cancel, .job(jobID), [.integer(Int64(limit))]) { reply, answer in
      guard let waiting = reply[3]?.int, let running = reply[4]?.int else { return nil }
      return CancelProgress(answer: answer, waiting: Int(waiting), running: Int(running))
    }
  }

  /// Makes a dead task ready again, with all of its budgets, as soon as the ledger says so.
  package func requeue(taskID: String) async throws(QuarryError) -> ControlReply<RequeuePage> {
    try await ask(.requeue, .task(taskID)) { RequeuePage($0, $1) }
  }

  /// One page of a job's dead tasks, requeued or only looked at.
  /// - Parameter limit: 500 at most.
  package func requeue(
    jobID: String, _ filter: RequeueFilter = RequeueFilter(), offset: Int = 0, limit: Int = 500, onlyLooks: Bool
  ) async throws(QuarryError) -> ControlReply<RequeuePage> {
    try await ask(
      .requeue, .job(jobID),
      [
        .integer(Int64(offset)), .integer(Int64(limit)), onlyLooks ? 0 : 1,
        .text(filter.host.map(WorkHost.normalise) ?? ""), .text(filter.failure ?? ""), .text(filter.error ?? ""),
      ]
    ) { RequeuePage($0, $1) }
  }

  /// Changes limits from now on.
  /// - Parameter limits: nil goes back to the default.
  package func set(
    _ limits: [FleetLimit: Int64?], of subject: ControlSubject
  ) async throws(QuarryError) -> ControlReply<ControlAnswer> {
    var subject = subject
    if case .host(let name) = subject { subject = .host(WorkHost.normalise(name)) }
    var arguments: [RedisArgument] = []
    for (limit, value) in limits.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      arguments += [.text(limit.field(of: subject)), value.map { .integer($0) } ?? ""]
    }
    return try await ask(.set, subject, arguments) { _, answer in answer }
  }

  private func ask<Value: Sendable>(
    _ verb: ControlVerb, _ subject: ControlSubject, _ arguments: [RedisArgument] = [],
    _ read: (RedisReply, ControlAnswer) -> Value?
  ) async throws(QuarryError) -> ControlReply<Value> {
    let reply = try await call(
      .control, [.text(verb.rawValue), .text(subject.kind), .text(subject.id)] + arguments,
      requestID: variation.makeID())
    if reply[0]?.text == "refused" {
      return .refused(
        ControlRefusal(reason: reply[1]?.text ?? "", verb: verb, subject: subject, fleet: fleet, flags: flags))
    }
    guard let version = reply[1]?.int, let changed = reply[2]?.int,
      let value = read(reply, ControlAnswer(version: version, hasChanged: changed == 1))
    else { throw Self.unexpected(reply, from: "control") }
    return .done(value)
  }
}

extension RequeuePage {
  init?(_ reply: RedisReply, _ answer: ControlAnswer) {
    guard let next = reply[3]?.int, let views = reply[4]?.elements, let unrecorded = reply[5]?.int else { return nil }
    self.init(
      answer: answer, tasks: views.compactMap(TaskView.init), next: next < 0 ? nil : Int(next),
      unrecorded: Int(unrecorded))
  }
}
