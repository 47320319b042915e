import QuarryCore
import QuarryFleet
import QuarryRuntime

/// What a configuration comes to for a command that gets no flags: its values over the defaults, by dotted key.
enum EffectiveConfiguration {
  /// - Returns: no entry for what neither the configuration nor a default says, and for keys whose text is their value.
  /// - Throws: `QuarryError`, the refusal that such a command would give.
  static func values(
    of configuration: Configuration, in context: CommandContext
  ) throws(QuarryError) -> [String: JSONValue] {
    var values: [String: JSONValue] = [:]
    values["category"] = .string(
      try PartitionOptions().names(configuration: configuration, script: "script.ts").category)
    try addExecutor(configuration, context, to: &values)
    try addStorage(configuration.storage, context, to: &values)
    let policy = try PolicyOptions().policy(configuration: configuration.policy)
    values["policy.name"] = .string(policy.name.rawValue)
    if policy.name == .buffered {
      values["policy.flush_mode"] = .string((policy.numbers.flushMode ?? .atLeastOnce).rawValue)
    }
    try addAdapter(configuration.adapter, to: &values)
    _ = try EventSinkSettings.resolve(EventSinkOptions(), configuration: configuration.eventSinks)
    _ = try ProxySettings(
      ProxyPoolOptions(), configuration: configuration, context: context, console: context.console)
    try addFleet(configuration.fleet, context, to: &values)
    try addPatience(configuration.fleet, to: &values)
    return values
  }

  private static func addExecutor(
    _ configuration: Configuration, _ context: CommandContext, to values: inout [String: JSONValue]
  ) throws(QuarryError) {
    let settings = try ExecutorSettings(
      ExecutorOptions(), configuration: configuration, context: context)
    values["executor"] = .string(settings.path)
    values["no_browser_reuse"] = .bool(!settings.reusesBrowser)
    values["resolve_from"] = settings.resolveFrom.map { .string($0) }
    values["browser_ws_endpoint"] = settings.browserEndpoint.map { .string($0) }
  }

  private static func addStorage(
    _ configuration: Configuration.Storage, _ context: CommandContext, to values: inout [String: JSONValue]
  ) throws(QuarryError) {
    let storage = try StorageSettings(
      StorageOptions(), storing: StoringOptions(), configuration: configuration,
      context: context)
    values["storage.dataset"] = .string(storage.dataset)
    values["storage.backend"] = .string(configuration.backend ?? "fs")
    values["storage.path"] = .string(storage.path)
    values["storage.durability"] = .string(storage.isDurable ? "commit" : "none")
    values["storage.checksum"] = .string(storage.form.checksum.rawValue)
    values["storage.compression"] = .string(storage.form.compression.rawValue)
    switch storage.place {
    case .folder(let path):
      // The default one is made by whoever stores first.
      if !storage.isDefault { try StorageFolder(path: path).require() }
    case .bucket(let bucket):
      values["storage.region"] = bucket.region.map { .string($0) }
      values["storage.endpoint"] = bucket.endpoint.map { .string($0) }
      values["storage.s3_path_style"] = .bool(bucket.isPathStyle)
    }
  }

  private static func addFleet(
    _ configuration: Configuration.Fleet, _ context: CommandContext, to values: inout [String: JSONValue]
  ) throws(QuarryError) {
    let address = try FleetAddress(FleetOptions(), configuration: configuration, in: context)
    let limits = try CrawlLimits(LimitOptions(), configuration: configuration)
    values["fleet.name"] = .string(address.name)
    if configuration.scriptRoot != nil {
      values["fleet.script_root"] = .string(
        try ScriptRootOptions().path(configuration: configuration, context: context))
    } else {
      values["fleet.script_root"] = .string(context.workingDirectory)
    }
    values["fleet.concurrency"] = number(configuration.concurrency ?? WorkerSettings.defaultConcurrency)
    values["fleet.drain_timeout"] = text(configuration.drainTimeout ?? WorkerSettings.defaultDrainTimeout)
    values["fleet.depth"] = number(limits.depth)
    values["fleet.allow_dead"] = number(configuration.allowDead ?? 0)
    values["fleet.lane"] = .string(limits.lane)
    values["fleet.run_timeout"] = limits.runTimeout.map(text)
    let isolation = try IsolationSettings(IsolationOptions(), configuration: configuration)
    values["fleet.isolation"] = .string(isolation.isolation.rawValue)
    values["fleet.executor_max_runs"] = number(isolation.limits.runs)
    values["fleet.executor_max_rss"] = .string(ByteCount.text(isolation.limits.memory))
  }

  private static func addPatience(
    _ configuration: Configuration.Fleet, to values: inout [String: JSONValue]
  ) throws(QuarryError) {
    let patience = PatienceOptions()
    let timing = try patience.timing(configuration: configuration)
    let budgets = patience.budgets(configuration: configuration)
    values["fleet.lease"] = text(timing.lease)
    values["fleet.heartbeat"] = text(timing.heartbeat)
    values["fleet.attempts"] = number(budgets.attempts)
    values["fleet.retry_base"] = text(budgets.attemptBase)
    values["fleet.retry_cap"] = text(budgets.attemptCap)
    values["fleet.crashes"] = number(budgets.crashes)
    values["fleet.crash_base"] = text(budgets.crashBase)
    values["fleet.blocks"] = number(budgets.blocks)
    values["fleet.block_base"] = text(budgets.blockBase)
    let politeness = try PolitenessOptions().politeness(configuration: configuration)
    values["fleet.auto_throttle"] = .bool(politeness.autoThrottle)
  }

  private static func addAdapter(
    _ configuration: Configuration.Adapter, to values: inout [String: JSONValue]
  ) throws(QuarryError) {
    guard
      let settings = try AdapterSettings.resolve(AdapterOptions(), configuration: configuration)
    else { return }
    if case .webhook = settings.target { _ = try settings.adapter() }
    values["adapter.timeout"] = text(settings.timeout)
    values["adapter.retries"] = number(settings.retries)
    values["adapter.outbox"] = .bool(settings.keepsPending)
    if case .channel(_, let name) = settings.target { values["adapter.channel"] = .string(name) }
  }

  private static func number(_ value: Int) -> JSONValue { .integer(Int64(value)) }

  private static func text(_ value: Duration) -> JSONValue { .string(value.text) }
}
