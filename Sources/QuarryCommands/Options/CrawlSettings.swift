import QuarryCore
import QuarryFleet

/// What `quarry coordinator` is to do: flags over configuration over the fleet's own defaults.
struct CrawlSettings: Sendable {
  let address: FleetAddress
  let storage: StorageSettings
  /// All but the storage's identity, which only the dataset knows.
  let task: Task
  /// - Parameter lost: jobs to rebuild.
  typealias Task = @Sendable (_ storage: StorageIdentity, _ lost: [String]) -> CoordinatorTask
  /// What jobs get that others submit while this process leads.
  let submissions: SubmissionDefaults
  let allowedDead: Int
  let patience: Duration
  let adapter: AdapterSettings?
  var flags: FleetFlags { FleetFlags(fleet: address.flags, storage: RunNarration.flags(storage)) }

  /// - Throws: `QuarryError`, before anything was started or written.
  init(_ command: CoordinatorCommand, in context: CommandContext) throws(QuarryError) {
    let configuration = try ConfigurationLoader.load(command.fleet.config, in: context)
    let fleet = configuration.fleet
    address = try FleetAddress(command.fleet, configuration: fleet, in: context)
    let defaults = SubmissionDefaults(
      scriptRoot: try command.scriptRoot.path(configuration: fleet, context: context),
      policy: try command.policy.policy(configuration: configuration.policy).text,
      timing: try command.patience.timing(configuration: fleet),
      retries: command.patience.budgets(configuration: fleet),
      politeness: try command.politeness.politeness(configuration: fleet))
    task = try Self.task(command, defaults, configuration, in: context)
    submissions = defaults
    storage = try StorageSettings(
      command.storage, storing: command.storing, configuration: configuration.storage, context: context)
    adapter = try AdapterSettings.resolve(
      command.adapter, outbox: command.outbox, configuration: configuration.adapter)
    allowedDead = command.limits.allowDead ?? fleet.allowDead ?? 0
    patience = defaults.timing.lease
  }

  private static func task(
    _ command: CoordinatorCommand, _ defaults: SubmissionDefaults, _ configuration: Configuration,
    in context: CommandContext
  ) throws(QuarryError) -> Task {
    guard let script = command.script else {
      try command.refuseFlagsOfAScript()
      if command.rebuild { return { storage, lost in .rebuild(lost, storage, defaults.retries, defaults.timing) } }
      guard let jobID = command.resume else { return { _, _ in .serve } }
      return { storage, _ in .resume(jobID, storage) }
    }
    guard command.resume == nil, !command.rebuild else {
      throw QuarryError(
        .usage, "--script and \(command.rebuild ? "--rebuild" : "--resume") are both given",
        remedy: "a job that goes on has its script; leave --script out")
    }
    let crawl = try request(script, command, defaults, configuration, in: context)
    return { storage, _ in .submit(crawl(storage)) }
  }

  private static func request(
    _ script: String, _ command: CoordinatorCommand, _ defaults: SubmissionDefaults, _ configuration: Configuration,
    in context: CommandContext
  ) throws(QuarryError) -> @Sendable (StorageIdentity) -> JobRequest {
    guard !script.isEmpty else {
      throw QuarryError(.usage, "--script names no file", remedy: "name the crawl's root with --script FILE")
    }
    _ = try ScriptRoot(defaults.scriptRoot).target(named: script)
    let names = try command.partition.names(configuration: configuration, script: script)
    let job = try command.job.value(in: context).canonicalText
    if let jobID = command.jobId { try RunPartition.validate(jobID, as: "job_id") }
    let limits = try CrawlLimits(command.limits, configuration: configuration.fleet)
    let jobID = command.jobId
    return { storage in
      var request = defaults.request(script, source: names.source, storage)
      request.jobID = jobID
      request.params = job
      request.category = names.category
      request.lane = limits.lane
      request.depth = limits.depth
      request.maxRuns = limits.maximumRuns
      request.timeout = limits.runTimeout
      return request
    }
  }
}

extension CoordinatorCommand {
  /// - Throws: `QuarryError(.usage)` for a flag that would count for nothing.
  fileprivate func refuseFlagsOfAScript() throws(QuarryError) {
    let given = [
      ("--job-id", jobId != nil), ("--job", job.job != nil), ("--job-json", job.jobJson != nil),
      ("--depth", limits.depth != nil), ("--max-runs", limits.maxRuns != nil), ("--lane", limits.lane != nil),
      ("--run-timeout", limits.runTimeout != nil), ("--source", partition.source != nil),
      ("--category", partition.category != nil), ("--allow-dead", limits.allowDead != nil && resume == nil),
    ]
    guard let flag = given.first(where: \.1)?.0 else { return }
    throw QuarryError(
      .usage, "\(flag) needs --script", remedy: "name the crawl's root with --script FILE, or leave \(flag) out")
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
    guard timing.lease >= .seconds(1) else {
      throw QuarryError(
        .usage, "a lease of \(timing.lease.shortText) is too short", remedy: "give it a second at least: --lease 30s")
    }
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
