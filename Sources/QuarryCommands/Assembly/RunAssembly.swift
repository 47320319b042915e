import QuarryCore
import QuarryLode
import QuarryRuntime

/// Joins the parts that one run needs: the dataset it writes to and the executor that carries it out.
struct RunAssembly: Sendable {
  let dataset: LodeDataset
  let executor: ExecutorProgram
  let policy: PolicyConfiguration
  let timeout: Duration?

  init(_ settings: RunSettings, in context: CommandContext) throws(QuarryError) {
    dataset = LodeDataset(settings.storage)
    executor = try ExecutorProgram(settings.executor, in: context)
    policy = settings.policy
    timeout = settings.timeout
  }

  /// - Throws: `QuarryError(.usage)` for a name that cannot be part of a path.
  func orchestrator(
    _ identity: RunIdentity, source: String, category: String, script: String, job: String,
    derived: (any DerivedWorkSink)?, browserEndpoint: String?, observer: RunObserver
  ) throws(QuarryError) -> RunOrchestrator {
    let partition = try RunPartition(
      dataset: dataset.layout.dataset, source: source, category: category, day: Timestamp.now().day,
      runID: identity.runID)
    var configuration = RunConfiguration(
      identity: identity, partition: partition, script: script, job: job, policy: policy, executor: executor)
    configuration.browserEndpoint = browserEndpoint
    configuration.timeout = timeout
    return RunOrchestrator(configuration, sink: dataset.sink(for: partition), derived: derived, observer: observer)
  }
}

extension LodeDataset {
  convenience init(_ settings: StorageSettings) {
    self.init(root: settings.path, id: settings.dataset, durability: settings.isDurable ? .commit : .none)
  }
}

extension ExecutorProgram {
  /// The executor with the environment of this process, and where bare imports are looked up.
  init(_ settings: ExecutorSettings, in context: CommandContext) throws(QuarryError) {
    var environment = context.environment
    if let folder = settings.resolveFrom {
      environment["QUARRY_RESOLVE_FROM"] = folder
      let present = environment["NODE_PATH"].map { $0.isEmpty ? "" : ":" + $0 } ?? ""
      environment["NODE_PATH"] = folder + present
    }
    self.init(
      path: settings.path, environment: environment, shepherd: try Shepherd.locate(environment: context.environment))
  }
}
