import QuarryCore
import QuarryFleet

/// What `quarry coordinator` is to crawl: flags over configuration over the fleet's own defaults.
struct CrawlSettings: Sendable {
  let address: FleetAddress
  let storage: StorageSettings
  /// All but the storage's identity, which only the dataset knows.
  let request: @Sendable (StorageIdentity) -> JobRequest
  let allowedDead: Int
  let adapter: AdapterSettings?

  /// - Throws: `QuarryError`, before anything was started or written.
  init(_ command: CoordinatorCommand, in context: CommandContext) throws(QuarryError) {
    let configuration = try ConfigurationLoader.load(command.fleet.config, in: context)
    let fleet = configuration.fleet
    address = try FleetAddress(command.fleet, configuration: fleet)
    let policy = try command.policy.policy(configuration: configuration.policy)
    let root = try command.scriptRoot.path(configuration: fleet, context: context)
    guard let script = command.script, !script.isEmpty else {
      throw QuarryError(
        .usage, "no script; a coordinator that serves submitted jobs is not built yet in \(Version.current)",
        remedy: "name the crawl's root with --script FILE")
    }
    _ = try ScriptRoot(root).target(named: script)
    let names = try command.partition.names(configuration: configuration, script: script)
    let job = try command.job.text(in: context)
    if let jobID = command.jobId { try RunPartition.validate(jobID, as: "job_id") }
    storage = try StorageSettings(
      command.storage, storing: command.storing, configuration: configuration.storage, context: context)
    adapter = try AdapterSettings.resolve(
      command.adapter, outbox: command.outbox, configuration: configuration.adapter)
    let limits = try CrawlLimits(command.limits, configuration: fleet)
    let timing = try command.patience.timing(configuration: fleet)
    let budgets = command.patience.budgets(configuration: fleet)
    let politeness = try command.politeness.politeness(configuration: fleet)
    let jobID = command.jobId
    allowedDead = command.limits.allowDead ?? fleet.allowDead ?? 0
    request = { identity in
      var request = JobRequest(script: script, scriptRoot: root, source: names.source, storage: identity)
      request.jobID = jobID
      request.params = job
      request.category = names.category
      request.policy = policy.text
      request.lane = limits.lane
      request.depth = limits.depth
      request.maxRuns = limits.maximumRuns
      request.timeout = limits.runTimeout
      request.timing = timing
      request.retries = budgets
      request.politeness = politeness
      return request
    }
  }
}

/// The checked bounds of a crawl.
struct CrawlLimits: Sendable, Equatable {
  let depth: Int
  let maximumRuns: Int?
  let lane: String
  let runTimeout: Duration?

  init(_ flags: LimitOptions, configuration: Configuration.Fleet) throws(QuarryError) {
    depth = flags.depth ?? configuration.depth ?? 0
    maximumRuns = flags.maxRuns ?? configuration.maxRuns
    lane = flags.lane ?? configuration.lane ?? "default"
    runTimeout = flags.runTimeout ?? configuration.runTimeout
    guard depth == 0 || maximumRuns != nil else {
      throw QuarryError(
        .usage, "--depth \(depth) needs a bound for the number of tasks", remedy: "add --max-runs N, for example 500")
    }
    guard ["high", "default", "low"].contains(lane) else {
      throw QuarryError(.usage, "unknown lane '\(lane)'", remedy: "use high, default or low")
    }
  }
}

extension PatienceOptions {
  /// - Throws: `QuarryError(.usage)` for a heartbeat that would not keep the lease.
  func timing(configuration: Configuration.Fleet) throws(QuarryError) -> LeaseTiming {
    var timing = LeaseTiming()
    let lease = lease ?? configuration.lease
    timing.lease = lease ?? timing.lease
    // A shorter lease alone takes its heartbeat with it.
    timing.heartbeat = heartbeat ?? configuration.heartbeat ?? min(timing.heartbeat, timing.lease / 3)
    guard timing.heartbeat * 2 <= timing.lease else {
      throw QuarryError(
        .usage, "a heartbeat of \(timing.heartbeat.shortText) cannot keep a lease of \(timing.lease.shortText)",
        remedy: "let the heartbeat be at most half of the lease, better a third")
    }
    return timing
  }

  func budgets(configuration: Configuration.Fleet) -> RetryBudgets {
    var budgets = RetryBudgets()
    budgets.attempts = attempts ?? configuration.attempts ?? budgets.attempts
    budgets.attemptBase = retryBase ?? configuration.retryBase ?? budgets.attemptBase
    budgets.attemptCap = max(budgets.attemptBase, retryCap ?? configuration.retryCap ?? budgets.attemptCap)
    budgets.crashes = crashes ?? configuration.crashes ?? budgets.crashes
    budgets.crashBase = crashBase ?? configuration.crashBase ?? budgets.crashBase
    budgets.blocks = blocks ?? configuration.blocks ?? budgets.blocks
    budgets.blockBase = blockBase ?? configuration.blockBase ?? budgets.blockBase
    return budgets
  }
}
