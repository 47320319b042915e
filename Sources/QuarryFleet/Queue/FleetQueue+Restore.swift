import QuarryCore
import RedisClient

/// One step of bringing a job back; each may be repeated.
package enum RestoreStep: Sendable {
  case clear
  case open(JobSubmission)
  /// Fingerprints and their tasks.
  case prints([(String, String)])
  /// Tasks of each host.
  case pages([(String, Int)])
  /// As `RestoredTask` writes them.
  case tasks([String])
  case close([String: Int])

  fileprivate var name: RedisArgument {
    switch self {
    case .clear: "clear"
    case .open: "open"
    case .prints: "prints"
    case .pages: "pages"
    case .tasks: "tasks"
    case .close: "close"
    }
  }

  fileprivate var arguments: [RedisArgument] {
    switch self {
    case .clear: ["1"]
    case .open(let job):
      [
        .text(job.rootTaskID), .integer(job.request.timing.lease.milliseconds),
        .integer(job.request.timing.heartbeat.milliseconds),
        .text(JSONValue.object(job.scripts.mapValues(JSONValue.string)).canonicalText),
      ] + FleetQueue.fields(of: job)
    case .prints(let prints): prints.flatMap { [.text($0.0), .text($0.1)] }
    case .pages(let pages): pages.flatMap { [.text($0.0), .integer(Int64($0.1))] }
    case .tasks(let tasks): tasks.map { .text($0) }
    case .close(let counters):
      counters.sorted { $0.key < $1.key }.flatMap { [.text($0.key), .integer(Int64($0.value))] }
    }
  }
}

package enum RestoreAnswer: Sendable, Equatable {
  case done
  /// There is more of the same step.
  case more
  case refused(String)
}

extension FleetQueue {
  /// - Parameter token: of whoever restores; another one begins from nothing.
  package func restore(_ step: RestoreStep, jobID: String, token: String) async throws(QuarryError) -> RestoreAnswer {
    let reply = try await call(.restore, [step.name, .text(jobID), .text(token)] + step.arguments)
    switch reply[0]?.text {
    case "done": return .done
    case "more": return .more
    case "refused": return .refused(reply[1]?.text ?? "")
    default: throw Self.unexpected(reply, from: "restore")
    }
  }
}
