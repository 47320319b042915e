import QuarryCore
import QuarryFleet

/// What a command did to a fleet, as data.
extension Output {
  static func control(
    _ verb: ControlVerb, _ subject: ControlSubject, _ answer: ControlAnswer, more: [(String, JSONValue)] = []
  ) -> Output {
    .record(
      [
        ("command", .string(verb.rawValue)), ("kind", .string(subject.kind)),
        ("id", subject == .fleet ? .null : .string(subject.id)), ("changed", .bool(answer.hasChanged)),
        ("control_version", .integer(answer.version)),
      ] + more)
  }

  /// A dead task as its ledger has it.
  static func requeuedRow(_ record: EndedTaskRecord, jobID: String) -> Output {
    .record([
      ("task_id", .string(record.task.taskID)), ("state", .string("dead")), ("run_id", .null),
      ("job_id", .string(jobID)), ("target", .string(record.task.work.target)), ("depth", .count(record.task.depth)),
      ("attempt", .count(record.task.attempt)), ("due_at", .null),
      ("last_error", .string("\(record.failure): \(record.reason)")),
    ])
  }
}
