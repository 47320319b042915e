import QuarryCore

/// How stderr is written: as sentences for a person, or as one JSON object a line for a program that gathers logs.
package enum LogFormat: String, CaseIterable, Sendable { case text, json }

package enum LogLevel: String, Sendable { case info, warning, error }

/// What a line of the log is about; what is nil does not apply.
package struct LogSubject: Sendable, Equatable {
  package var workerID: String?
  package var jobID: String?
  package var taskID: String?
  package var runID: String?

  package init(workerID: String? = nil, jobID: String? = nil, taskID: String? = nil, runID: String? = nil) {
    self.workerID = workerID
    self.jobID = jobID
    self.taskID = taskID
    self.runID = runID
  }

  /// What this one leaves open, the other may say.
  func or(_ other: LogSubject) -> LogSubject {
    LogSubject(
      workerID: workerID ?? other.workerID, jobID: jobID ?? other.jobID, taskID: taskID ?? other.taskID,
      runID: runID ?? other.runID)
  }
}

/// One line of a structured log.
struct LogLine {
  var level: LogLevel
  var message: String
  var subject: LogSubject
  /// What to do about it.
  var remedy: String?
  /// `stderr` for what a script's executor wrote there.
  var stream: String?

  /// A JSON object and a newline.
  func text(at time: Timestamp) -> String {
    var out = Array("{".utf8)
    JSONText.appendMember("time", time.text(), to: &out)
    JSONText.appendMember("level", level.rawValue, to: &out)
    JSONText.appendMember("message", message, to: &out)
    JSONText.appendMember("remedy", remedy, to: &out)
    JSONText.appendMember("stream", stream, to: &out)
    JSONText.appendMember("worker_id", subject.workerID, to: &out)
    JSONText.appendMember("job_id", subject.jobID, to: &out)
    JSONText.appendMember("task_id", subject.taskID, to: &out)
    JSONText.appendMember("run_id", subject.runID, to: &out)
    out += "}\n".utf8
    return String(decoding: out, as: UTF8.self)
  }
}
