import QuarryCore
import Synchronization

/// Holds this machine's scripts against those that jobs mean: a worker whose script differs refuses the job, and takes
/// its refusal back when the script has become the same.
///
/// What a job means is named when it is submitted, for its root's script and those beside it; for any other target the
/// first worker that runs it names it.
final class ScriptGuard: Sendable {
  enum Verdict: Sendable, Equatable {
    case same
    /// The job is refused: its tasks are for others.
    case differs(String)
    /// Nobody has the script.
    case unrunnable(String)
    case stopping
  }

  private struct Refusal {
    var target: String
    var expected: String
  }
  private struct State {
    var hashes: [String: (stamp: ScriptRoot.Stamp, hash: String)] = [:]
    var refusals: [String: Refusal] = [:]
  }
  private let state = Mutex(State())
  private let queue: FleetQueue
  private let caller: PatientCaller
  private let scripts: ScriptRoot
  private let workerID: String
  private let notice: @Sendable (WorkerNotice) -> Void

  init(
    queue: FleetQueue, caller: PatientCaller, scripts: ScriptRoot, workerID: String,
    notice: @escaping @Sendable (WorkerNotice) -> Void
  ) {
    self.queue = queue
    self.caller = caller
    self.scripts = scripts
    self.workerID = workerID
    self.notice = notice
  }

  func verdict(on task: TaskAssignment) async -> Verdict {
    let hash: String
    do throws(QuarryError) { hash = try await self.hash(of: task.target) } catch {
      guard let expected = task.scriptHash else { return .unrunnable(error.message) }
      return await refuse(task, expected: expected, because: error.message)
    }
    guard let expected = await expected(of: task, own: hash) else { return .stopping }
    if expected == hash { return .same }
    return await refuse(
      task, expected: expected,
      because: "script '\(task.target)' differs: here \(hash.prefix(12)), the job means \(expected.prefix(12))")
  }

  /// Looks again at what was refused, now and then, until cancelled.
  func run(every interval: Duration, clock: FleetClock) async {
    while !Task.isCancelled {
      await clock.sleep(interval)
      for (jobID, refusal) in state.withLock({ $0.refusals }) { await reconsider(jobID, refusal) }
    }
  }

  private func reconsider(_ jobID: String, _ refusal: Refusal) async {
    // A script that is still missing is the reason for the refusal, and said already.
    guard let hash = try? await hash(of: refusal.target), hash == refusal.expected else { return }
    let answer: Void? = await caller.call { () async throws(QuarryError) in
      try await self.queue.refuse(jobID: jobID, because: nil, workerID: self.workerID)
    }
    guard answer != nil else { return }
    state.withLock { $0.refusals[jobID] = nil }
    notice(.jobTakenBack(jobID: jobID))
  }

  /// - Returns: nil when the worker is stopping.
  private func expected(of task: TaskAssignment, own: String) async -> String? {
    if let named = task.scriptHash { return named }
    return await caller.call { () async throws(QuarryError) in
      try await self.queue.vouch(for: task.target, of: task.jobID, hash: own, workerID: self.workerID)
    }
  }

  /// The refusal is in Redis before the task is given back, so that it is not handed to this worker again.
  private func refuse(_ task: TaskAssignment, expected: String, because reason: String) async -> Verdict {
    let answer: Void? = await caller.call { () async throws(QuarryError) in
      try await self.queue.refuse(jobID: task.jobID, because: reason, workerID: self.workerID)
    }
    guard answer != nil else { return .stopping }
    let isNew = state.withLock { state in
      defer { state.refusals[task.jobID] = Refusal(target: task.target, expected: expected) }
      return state.refusals[task.jobID] == nil
    }
    if isNew { notice(.jobRefused(jobID: task.jobID, reason: reason)) }
    return .differs(reason)
  }

  /// Reads the script only when it may have changed since the last time.
  private func hash(of target: String) async throws(QuarryError) -> String {
    let stamp = try scripts.stamp(of: target)
    if let known = state.withLock({ $0.hashes[target] }), known.stamp == stamp { return known.hash }
    let result = await OwnThread.run { [scripts] () -> Result<String, QuarryError> in
      do throws(QuarryError) { return .success(try scripts.contentHash(of: target)) } catch { return .failure(error) }
    }
    let hash = try result.get()
    state.withLock { $0.hashes[target] = (stamp, hash) }
    return hash
  }
}
