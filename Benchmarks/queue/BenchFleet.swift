import Foundation
import QuarryCore
import QuarryFleet
import RedisClient

/// A fleet whose scripts do nothing, as each process of a case sees it: all of it lies in one folder.
struct BenchFleet {
  static let name = "bench"
  static let target = "noop.ts"

  let url: String
  let folder: String
  let queue: FleetQueue
  let storage = StorageIdentity(backend: "fs", dataset: "quarry", id: "bench")
  let scripts: ScriptRoot

  /// - Parameter folder: holds the script and, once a worker has written there, the dataset.
  init(_ url: String, folder: String, actor: String) async throws {
    self.url = url
    self.folder = folder
    let script = folder + "/" + Self.target
    if !FileManager.default.fileExists(atPath: script) {
      try "export default async () => {}".write(toFile: script, atomically: true, encoding: .utf8)
    }
    scripts = try ScriptRoot(folder)
    queue = try await FleetQueue.open(
      try await RedisConnection.connect(RedisEndpoint(url: url)), fleet: Self.name, actor: actor)
  }

  /// A job whose root runs the script that does nothing, ready to be claimed.
  /// - Parameter lease: of all its tasks; renewed three times as often.
  func submit(
    _ job: String, params: String = "{}", lease: Duration = .seconds(30), hostConcurrency: Int? = nil
  ) async throws {
    var request = JobRequest(script: Self.target, scriptRoot: folder, source: "bench", storage: storage)
    request.depth = 1
    request.params = params
    request.politeness.hostConcurrency = hostConcurrency
    // What is compared is how soon a death is noticed, not how long a task that killed its worker then has to wait.
    request.retries.crashBase = .milliseconds(1)
    request.timing = LeaseTiming(lease: lease, heartbeat: lease / 3)
    try await queue.submit(
      JobSubmission(
        jobID: job, rootTaskID: "\(job)-root", request: request, target: Self.target,
        scripts: try scripts.contentHashes(around: Self.target)))
  }

  /// Takes part as a worker that stores where the others do.
  func join(slots: Int = 1) async throws {
    try await queue.join(
      WorkerPresence(
        workerID: queue.actor, host: "here", pid: getpid(), slots: slots, storage: storage, startedAt: .now()))
  }

  /// Takes part, and claims one task.
  func claimRoot() async throws -> TaskAssignment {
    try await join()
    guard let task = try await queue.claim(workerID: queue.actor, count: 1, requestID: UUIDv7.make()).tasks.first
    else { fatalError("no task to claim") }
    return task
  }

  /// A job of this many tasks, ready to be claimed: its root derives them, and each batch is admitted at once.
  /// - Parameter hosts: over which the tasks are spread; 0 for tasks without a host.
  func push(_ count: Int, job: String = "job", hosts: Int = 0, hostConcurrency: Int? = nil) async throws {
    try await submit(job, hostConcurrency: hostConcurrency)
    let root = try await claimRoot()
    for start in stride(from: 0, to: count, by: 250) {
      let batch = (start..<min(start + 250, count)).map { index in
        let params = hosts == 0 ? "{\"n\":\(index)}" : "{\"url\":\"http://h\(index % hosts).test/\(index)\"}"
        return DerivedWork(index: index, target: Self.target, params: params)
      }
      guard case .taken = try await queue.emit(batch, by: root, workerID: queue.actor, requestID: UUIDv7.make()) else {
        fatalError("the outbox is full")
      }
      while try await queue.admit(limit: 500, term: 0, requestID: UUIDv7.make()) ?? 0 > 0 {}
    }
    let answer = try await queue.complete(
      [RunCompletion(task: root, figures: RunFigures(outcome: .success), emitted: count)], workerID: queue.actor,
      requestID: UUIDv7.make())[0]
    // Counts as recorded, so that nobody has to take over what this process leaves.
    guard case .accepted(let entry?, _) = answer else { fatalError("the root was not accepted: \(answer)") }
    try await queue.settle([entry], requestID: UUIDv7.make())
    try await queue.leave(workerID: queue.actor)
  }
}
