import QuarryCore

/// A task as a rebuild puts it back.
struct RestoredTask: Sendable, Equatable {
  /// Derived work that is too deep, kept with the task that emitted it.
  struct Cut: Sendable, Equatable {
    var fingerprint: String
    var runID: String
    var work: WorkRecord
  }

  var taskID: String
  /// `ready` for one that is to run, also after a delay.
  var state: TaskState
  var depth: Int
  var work: WorkRecord
  var fingerprint: String
  var parentTaskID: String?
  var originRunID: String?
  var epoch: Int64 = 0
  var attempt = 0
  var runID: String?
  var failure: String?
  var reason: String?
  var cut: [Cut] = []

  /// As `restore.lua` takes it.
  func json(ofJob job: String) throws(QuarryError) -> String {
    var members: [String: JSONValue] = [
      "task_id": .string(taskID), "state": .string(state.rawValue), "depth": .integer(Int64(depth)),
      "target": .string(work.target), "params": .string(work.params), "fingerprint": .string(fingerprint),
      "lane": .string((work.options.lane.flatMap(Lane.init(rawValue:)) ?? .default).rawValue),
      "epoch": .string(String(epoch)), "attempt": .integer(Int64(attempt)),
    ]
    let texts = [
      ("host", try work.host), ("source", work.source),
      ("category", work.category), ("parent", parentTaskID), ("origin", originRunID), ("run", runID),
      ("failure", failure), ("error", failure == nil ? nil : reason ?? ""),
    ]
    for (name, text) in texts { members[name] = text.map(JSONValue.string) }
    members["delay_ms"] = work.options.delayMilliseconds.map { .integer(Int64($0)) }
    members["timeout_ms"] = work.options.timeoutMilliseconds.map { .integer(Int64($0)) }
    if !cut.isEmpty { members["cut"] = .array(try cutMembers(job)) }
    return JSONValue.object(members).canonicalText
  }

  private func cutMembers(_ job: String) throws(QuarryError) -> [JSONValue] {
    var members: [JSONValue] = []
    for cut in cut {
      let work = DerivedWork(
        index: cut.work.index ?? 0, target: cut.work.target, params: cut.work.params, source: cut.work.source,
        category: cut.work.category, options: cut.work.options)
      let text = try Emission.encode(work, job: job, under: taskID)
      members.append(.array([.string(cut.fingerprint), .string("\(cut.runID) \(text)")]))
    }
    return members
  }
}
