import QuarryCore
import QuarryLode
import QuarryRuntime
import Synchronization

/// Answers a fleet's tasks with runs of the runtime.
struct RunTaskHandler: TaskHandler {
  let dataset: LodeDataset
  let sinks: EventSinks
  let executor: ExecutorProgram
  /// Nil when each run starts its own.
  let executors: ExecutorPool?
  /// Absolute; targets are relative to it.
  let scriptRoot: String
  /// Of a browser that was named, or of the worker's own.
  let browser: BrowserSource
  let proxies: FleetProxies
  let runsAtOnce: Int
  let metrics: WorkerMetrics
  let console: Console

  func run(_ task: TaskAssignment, derived: any DerivedWorkSink, control: RunControl) async -> TaskResult {
    let day = Timestamp.now().day
    let console = console.about(LogSubject(task))
    let onNote: @Sendable (String) -> Void = { console.warn($0) }
    let echo = StandardErrorEcho(console, whereItsEndIs: "")
    do throws(QuarryError) {
      let endpoint = try await browserEndpoint(for: scriptRoot + "/" + task.target)
      let partition = try RunPartition(
        dataset: dataset.layout.dataset, source: task.source, category: task.category, day: day, runID: task.runID)
      var configuration = try configuration(task, partition, browserEndpoint: endpoint)
      configuration.proxy = try await proxies.choose(for: task)
      let sink = sinks.sink(for: partition, lode: metrics.storage.sink(dataset.sink(for: partition)), warn: onNote)
      let rotation = Mutex<Task<Void, Never>?>(nil)
      let observer = RunObserver(
        onStandardError: { echo.show($0) }, onNote: onNote,
        onRotation: { [proxies] wish, proxy in
          rotation.withLock { $0 = Task { await proxies.rest(proxy, runID: task.runID, wish: wish) } }
        })
      let orchestrator = RunOrchestrator(
        configuration, sink: sink, derived: derived, executors: executors, observer: observer)
      let report = try await orchestrator.run(control: control)
      metrics.note(report, wasLent: executors != nil)
      sinks.ended(task, in: partition, figures: sink.figures)
      await rotation.withLock { $0 }?.value
      if let proxy = report.failedProxy { await proxies.rest(proxy, runID: task.runID, wish: nil) }
      return report.taskResult(partition: partition, storagePath: dataset.storagePath(of: partition))
    } catch {
      return .failed(Self.kind(of: error), reason: error.message, RunFigures(outcome: nil, day: day))
    }
  }

  /// On a thread of its own: the first run waits for the browser's start.
  private func browserEndpoint(for script: String) async throws(QuarryError) -> String? {
    let result = await OwnThread.run { [browser] () -> Result<String?, QuarryError> in
      do throws(QuarryError) { return .success(try browser.endpoint(for: script)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  private func configuration(
    _ task: TaskAssignment, _ partition: RunPartition, browserEndpoint: String?
  ) throws(QuarryError) -> RunConfiguration {
    let identity = RunIdentity(
      runID: task.runID, attempt: task.attempt, jobID: task.jobID, parentRunID: task.parentRunID,
      depth: task.depth > 0 ? task.depth : nil,
      task: TaskLineage(taskID: task.taskID, epoch: task.epoch, originRunID: task.originRunID))
    var configuration = RunConfiguration(
      identity: identity, partition: partition, script: scriptRoot + "/" + task.target, job: task.params,
      policy: try PolicyConfiguration(text: task.policy), executor: executor)
    configuration.storageBackend = dataset.backend
    configuration.browserEndpoint = browserEndpoint
    configuration.runsAtOnce = runsAtOnce
    configuration.checksumsChunks = dataset.form.checksum == .md5
    configuration.timeout = task.timeoutMilliseconds.map { .milliseconds($0) }
    return configuration
  }

  /// A task that names what cannot be is dead at once; for what this worker could not start it is not to blame.
  private static func kind(of error: QuarryError) -> TaskResult.FailureKind {
    switch error.kind {
    case .usage: .unrunnable
    case .fleet: .release
    case .executor: .worker
    case .storage, .redis, .stream: .storage
    }
  }
}
