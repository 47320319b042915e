import QuarryCore
import QuarryFleet
import QuarryRuntime

/// Proxies of a worker's tasks: all workers of the fleet share what was chosen.
struct FleetProxies: Sendable {
  let selector: ProxySelector
  let queue: FleetQueue
  let tell: @Sendable (String) -> Void

  /// - Returns: nil when the task goes without a proxy.
  /// - Throws: `QuarryError(.executor)` for a pool that this worker's configuration lacks: another's may have it.
  func choose(for task: TaskAssignment) async throws(QuarryError) -> RunProxy? {
    if let missing = selector.missingPool(of: task.params) {
      throw QuarryError(.executor, missing.message, remedy: missing.remedy)
    }
    guard let selection = try selector.selection(job: task.params, jobKey: task.jobID) else { return nil }
    if let note = selection.note { tell("task \(task.taskID): \(note)") }
    return selection.proxy(at: try await queue.chooseProxy(selection.choice, task: task, requestID: UUIDv7.make()))
  }

  /// A wish of a run that goes on, and a proxy's failure, hold from the next choice on, whichever worker makes it. Where
  /// Redis is away the rest is lost, and that is told: the run is not to blame.
  /// - Parameter wish: nil when the run failed by its proxy.
  func rest(_ proxy: RunProxy, runID: String, wish: RotationWish?) async {
    let text = RotationText(runID: runID, wish: wish, rest: proxy.rest).ofFleet
    do throws(QuarryError) {
      try await queue.restProxy(proxy.rest)
      tell(text)
    } catch {
      tell("\(text), which was not noted: \(error.message)")
    }
  }
}
