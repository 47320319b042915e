import QuarryCore
import QuarryFleet

/// What `quarry worker` is told; all else comes with the tasks.
struct WorkerSettings: Sendable {
  static let defaultConcurrency = 1
  static let defaultDrainTimeout = Duration.seconds(25)

  let address: FleetAddress
  let scriptRoot: ScriptRoot
  let storage: StorageSettings
  let executor: ExecutorSettings
  let adapter: AdapterSettings?
  let eventSinks: EventSinkSettings
  let proxies: ProxySettings
  let isolation: IsolationSettings
  let concurrency: Int
  let drainTimeout: Duration

  /// - Throws: `QuarryError`, before anything was started or written.
  init(_ command: WorkerCommand, in context: CommandContext) throws(QuarryError) {
    let configuration = try ConfigurationLoader.load(command.fleet.config, in: context)
    let fleet = configuration.fleet
    address = try FleetAddress(command.fleet, configuration: fleet)
    scriptRoot = try ScriptRoot(command.scriptRoot.path(configuration: fleet, context: context))
    storage = try StorageSettings(
      command.storage, storing: command.storing, configuration: configuration.storage, context: context)
    executor = try ExecutorSettings(
      command.executor, configuration: configuration, storage: storage, context: context)
    adapter = try AdapterSettings.resolve(
      command.adapter, outbox: command.outbox, configuration: configuration.adapter)
    eventSinks = try EventSinkSettings.resolve(command.eventSinks, configuration: configuration.eventSinks)
    proxies = try ProxySettings(
      command.proxy, configuration: configuration, context: context,
      console: command.quiet ? .silent : context.console)
    isolation = try IsolationSettings(command.isolation, configuration: fleet)
    concurrency = command.concurrency ?? fleet.concurrency ?? Self.defaultConcurrency
    drainTimeout = command.drainTimeout ?? fleet.drainTimeout ?? Self.defaultDrainTimeout
  }
}
