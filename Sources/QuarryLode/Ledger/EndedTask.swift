import QuarryCore

/// A task that has ended, as its job's ledger has it.
package struct EndedTask: Sendable, Equatable {
  package enum State: String, Sendable, CaseIterable {
    case done, dead, cancelled
  }

  package let taskID: String
  package let jobID: String
  package let state: State
  /// The run that counts, of a task that is done.
  package let runID: String?
  package let target: String?
  package let depth: Int64?
  package let attempt: Int64?
  package let parentTaskID: String?
  package let originRunID: String?
  /// Kind and reason of the failure that it died of.
  package let error: String?
  /// When its record was written.
  package let endedAt: Timestamp?

  private static let members: Set<String> = [
    "kind", "task_id", "accepted_run_id", "target", "depth", "attempt", "parent_task_id", "origin_run_id", "failure",
    "reason", "ts",
  ]

  /// - Returns: nil for a line that ends no task.
  init?(_ line: UnsafeRawBufferPointer, jobID: String) {
    let members = RecordMembers.read(Self.members, from: line)
    guard let task = members["task_id"]?.string, let state = Self.state(members["kind"]?.string) else { return nil }
    taskID = task
    self.jobID = jobID
    self.state = state
    runID = members["accepted_run_id"]?.string
    target = members["target"]?.string
    depth = members["depth"]?.integer
    attempt = members["attempt"]?.integer
    parentTaskID = members["parent_task_id"]?.string
    originRunID = members["origin_run_id"]?.string
    let causes = [members["failure"]?.string, members["reason"]?.string].compactMap(\.self)
    error = causes.isEmpty ? nil : causes.joined(separator: ": ")
    endedAt = members["ts"]?.string.flatMap { Timestamp($0) }
  }

  static func state(_ kind: String?) -> State? {
    switch kind {
    case "accepted": .done
    case "dead": .dead
    case "cancelled": .cancelled
    default: nil
    }
  }
}

extension LodeReader {
  /// Calls `body` with each task that has ended, once, in the order of the ledgers; jobs the newest first.
  ///
  /// A ledger is read twice: what it says of a task last is not known before its end. Memory: some thirty bytes a task.
  /// - Parameter jobID: nil for all jobs.
  package func forEachEndedTask(jobID: String? = nil, body: (EndedTask) -> Void) throws(QuarryError) {
    let ledger = LedgerReader(layout: layout)
    for job in try ledger.jobs() where jobID.map({ $0 == job.jobID }) ?? true {
      var ends = TaskEnds()
      var number = 0
      try ledger.forEachRecord(fleet: job.fleet, jobID: job.jobID) { line in
        ends.take(line, number: number)
        number += 1
      }
      let (read, numbers) = (number, ends.numbers)
      number = 0
      try ledger.forEachRecord(fleet: job.fleet, jobID: job.jobID) { line in
        // What was written meanwhile is not looked at.
        if number < read, numbers.contains(number), let task = EndedTask(line, jobID: job.jobID) { body(task) }
        number += 1
      }
    }
  }
}

/// How many tasks of a job have ended, and how.
package struct TaskEndCounts: Sendable, Equatable {
  package internal(set) var done = 0
  package internal(set) var dead = 0
  package internal(set) var cancelled = 0

  package var total: Int { done + dead + cancelled }

  mutating func add(_ state: EndedTask.State) {
    switch state {
    case .done: done += 1
    case .dead: dead += 1
    case .cancelled: cancelled += 1
    }
  }
}

/// Which line of a ledger says how each task ended. Were two runs ever accepted for a task, the first counts.
struct TaskEnds {
  private var ends: [Int: (state: EndedTask.State, number: Int)] = [:]

  /// The lines that count.
  var numbers: Set<Int> { Set(ends.values.map(\.number)) }

  var counts: TaskEndCounts {
    var counts = TaskEndCounts()
    for end in ends.values { counts.add(end.state) }
    return counts
  }

  mutating func take(_ line: UnsafeRawBufferPointer, number: Int) {
    let members = RecordMembers.read(["kind", "task_id"], from: line)
    guard let kind = members["kind"]?.string, let task = members["task_id"]?.string?.hashValue else { return }
    if ends[task]?.state == .done { return }
    if kind == "requeued" { ends[task] = nil }
    if let state = EndedTask.state(kind) { ends[task] = (state, number) }
  }
}

extension LedgerReader {
  func endCounts(fleet: String, jobID: String) throws(QuarryError) -> TaskEndCounts {
    var ends = TaskEnds()
    try forEachRecord(fleet: fleet, jobID: jobID) { ends.take($0, number: 0) }
    return ends.counts
  }
}
