import QuarryCore
import QuarryRuntime

/// All that one `quarry run` is to do: flags over configuration over documented defaults, checked.
package struct RunSettings: Sendable {
  /// Absolute.
  package let script: String
  /// A JSON object.
  package let job: String
  package let identity: RunIdentity
  package let source: String
  package let category: String
  package let policy: PolicyConfiguration
  package let storage: StorageSettings
  package let executor: ExecutorSettings
  package let adapter: AdapterSettings?
  package let eventSinks: EventSinkSettings
  let proxies: ProxySettings
  package let fanOut: FanOutOptions.Limits?
  package let isolation: IsolationSettings
  package let timeout: Duration?
  /// Absolute, or `-` for stderr.
  package let reportPath: String?

  /// - Throws: `QuarryError`, before anything was started or written.
  package init(_ command: RunCommand, in context: CommandContext) throws(QuarryError) {
    let configuration = try ConfigurationLoader.load(command.config, in: context)
    policy = try command.policy.policy(configuration: configuration.policy)
    script = try ScriptFile.require(command.script, in: context)
    let job = try command.job.value(in: context)
    self.job = job.canonicalText
    identity = try command.identity.identity()
    (source, category) = try command.partition.names(configuration: configuration, script: script)
    storage = try StorageSettings(
      command.storage, storing: command.storing, configuration: configuration.storage, context: context)
    fanOut = try command.fanOut.limits(command.quiet ? .silent : context.console)
    isolation = try IsolationSettings(command.isolation, configuration: configuration.fleet)
    if fanOut == nil, isolation.isolation != .process, command.isolation.isolation != nil, !command.quiet {
      context.console.warn("--isolation \(isolation.isolation.rawValue) has no effect without --depth")
    }
    executor = try ExecutorSettings(
      command.executor, configuration: configuration, storage: storage, context: context)
    adapter = try AdapterSettings.resolve(
      command.adapter, outbox: command.outbox, configuration: configuration.adapter)
    eventSinks = try EventSinkSettings.resolve(command.eventSinks, configuration: configuration.eventSinks)
    proxies = try ProxySettings(
      command.proxy, keys: command.proxyKey, configuration: configuration, context: context,
      console: command.quiet ? .silent : context.console,
      jobsMayNamePools: fanOut != nil || job["proxy"]?["pool"] != nil)
    timeout = command.runTimeout
    reportPath = command.report.map { $0 == "-" ? "-" : context.absolute($0) }
  }
}
