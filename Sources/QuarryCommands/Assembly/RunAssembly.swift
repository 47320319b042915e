import QuarryCore
import QuarryLode
import QuarryRuntime

/// Joins the parts that one run needs: the dataset it writes to and the executor that carries it out.
struct RunAssembly: Sendable {
  let dataset: LodeDataset
  let executor: ExecutorProgram
  let policy: PolicyConfiguration
  let timeout: Duration?
  let proxies: LocalProxies
  private let sinks: EventSinks
  private let notifications: RunNotifications?
  private let warn: @Sendable (String) -> Void

  /// - Parameter console: for what is told while runs go on and changes no outcome, such as a notification that was not
  ///   delivered.
  init(
    _ settings: RunSettings, dataset: LodeDataset, console: Console, in context: CommandContext
  ) throws(QuarryError) {
    self.dataset = dataset
    executor = try ExecutorProgram(settings.executor, in: context)
    policy = settings.policy
    timeout = settings.timeout
    proxies = LocalProxies(
      settings.proxies, identity: settings.identity, servesMany: settings.fanOut != nil, console: console)
    sinks = EventSinks(settings.eventSinks)
    let warn: @Sendable (String) -> Void = { console.warn($0) }
    self.warn = warn
    notifications = try settings.adapter.map { adapter throws(QuarryError) in
      try RunNotifications(adapter, dataset: dataset, warn: warn)
    }
  }

  /// - Throws: `QuarryError(.usage)` for a name that cannot be part of a path.
  func run(
    _ identity: RunIdentity, source: String, category: String, script: String, job: String,
    derived: (any DerivedWorkSink)?, executors: ExecutorPool? = nil, browserEndpoint: String?, proxy: RunProxy?,
    timeout ownTimeout: Duration? = nil, runsAtOnce: Int = 1, observer: RunObserver
  ) throws(QuarryError) -> AssembledRun {
    let partition = try RunPartition(
      dataset: dataset.layout.dataset, source: source, category: category, day: Timestamp.now().day,
      runID: identity.runID)
    var configuration = RunConfiguration(
      identity: identity, partition: partition, script: script, job: job, policy: policy, executor: executor)
    configuration.storageBackend = dataset.backend
    configuration.browserEndpoint = browserEndpoint
    configuration.timeout = ownTimeout ?? timeout
    configuration.proxy = proxy
    configuration.runsAtOnce = runsAtOnce
    configuration.checksumsChunks = dataset.form.checksum == .md5
    let orchestrator = RunOrchestrator(
      configuration, sink: sinks.sink(for: partition, lode: dataset.sink(for: partition), warn: warn),
      derived: derived, executors: executors,
      observer: proxies.heeding(observer, runID: identity.runID))
    return AssembledRun(orchestrator: orchestrator, partition: partition, notifications: notifications)
  }
}

extension ExecutorProgram {
  /// The executor with the environment of this process, and where bare imports are looked up.
  init(_ settings: ExecutorSettings, in context: CommandContext) throws(QuarryError) {
    var environment = context.environment.filter { !settings.secretVariables.contains($0.key) }
    if let folder = settings.resolveFrom {
      environment["QUARRY_RESOLVE_FROM"] = folder
      let present = environment["NODE_PATH"].map { $0.isEmpty ? "" : ":" + $0 } ?? ""
      environment["NODE_PATH"] = folder + present
    }
    self.init(
      path: settings.path, environment: environment, shepherd: try Shepherd.locate(environment: context.environment))
  }
}
