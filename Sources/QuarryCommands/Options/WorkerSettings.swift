import QuarryCore
import QuarryFleet
import QuarryMetrics

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
  let memoryLimit: MemoryLimit?
  var flags: FleetFlags { FleetFlags(fleet: address.flags, storage: RunNarration.flags(storage)) }

  /// - Throws: `QuarryError`, before anything was started or written.
  init(_ command: WorkerCommand, in context: CommandContext) throws(QuarryError) {
    let configuration = try ConfigurationLoader.load(command.fleet.config, in: context)
    let fleet = configuration.fleet
    address = try FleetAddress(command.fleet, configuration: fleet, in: context)
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
    memoryLimit = try Self.memoryLimit(command.maxRss ?? fleet.maxRSS)
  }

  private static func memoryLimit(_ bytes: Int?) throws(QuarryError) -> MemoryLimit? {
    guard let bytes else { return nil }
    let now = ProcessFigures.residentMemory ?? 0
    guard now < bytes else {
      throw QuarryError(
        .usage, "--max-rss \(ByteCount.text(bytes)) is less than a worker holds before its first run",
        remedy: "give it more than \(ByteCount.text(((now >> 20) + 1) << 20)), some hundred MiB for many runs at once")
    }
    return MemoryLimit(bytes: bytes, resident: { ProcessFigures.residentMemory }, trim: { ProcessFigures.trim() })
  }
}
