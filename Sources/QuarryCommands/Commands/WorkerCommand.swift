import QuarryCore
import QuarryFleet
import QuarryLode
import QuarryMetrics
import QuarryPublish
import QuarryRuntime

struct WorkerCommand: LoggingCommand {
  static let configuration = CommandConfiguration(commandName: "worker", abstract: "Runs tasks of a fleet.")

  @Option(
    "concurrency", help: ArgumentHelp("Runs at once, at most 256. Default: 1.", valueName: "n"),
    transform: Reading.runsAtOnce)
  var concurrency: Int?
  @Option(
    "drain-timeout",
    help: ArgumentHelp("How long runs may go on after the first signal. Default: 25s.", valueName: "time"),
    transform: Reading.duration)
  var drainTimeout: Duration?
  @Option(
    "max-rss",
    help: ArgumentHelp(
      "Claim nothing while this process, without its executors, holds more memory; end when that does not pass. Default: no limit.",
      valueName: "size"),
    transform: Reading.byteCount)
  var maxRss: Int?
  @Flag("quiet", help: "Say nothing on stderr but errors.")
  var quiet = false
  @OptionGroup(title: "The fleet") var fleet: FleetOptions
  @OptionGroup(title: "The fleet") var scriptRoot: ScriptRootOptions
  @OptionGroup(title: "Where it goes") var storage: StorageOptions
  @OptionGroup(title: "Where it goes") var storing: StoringOptions
  @OptionGroup(title: "Proxy") var proxy: ProxyPoolOptions
  @OptionGroup(title: "Executor") var executor: ExecutorOptions
  @OptionGroup(title: "Event sinks") var eventSinks: EventSinkOptions
  @OptionGroup(title: "Who is told") var adapter: AdapterOptions
  @OptionGroup(title: "Who is told") var outbox: OutboxOptions
  @OptionGroup(title: "Executor") var isolation: IsolationOptions
  @OptionGroup(title: "Seeing it") var metrics: MetricsOptions
  @OptionGroup(title: "Seeing it") var log: LogOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    var context = context
    let workerID = ProcessName.make()
    context.console = context.console.about(LogSubject(workerID: workerID))
    let settings = try WorkerSettings(self, in: context)
    let console = quiet ? Console.silent : context.console
    let listener = try metrics.listener()
    let metrics = WorkerMetrics()
    let store = try settings.storage.openForWriting(in: context, console)
    let dataset = settings.storage.dataset(in: store)
    let identity = try dataset.storageIdentity()
    let executor = try ExecutorProgram(settings.executor, in: context)
    let browser = try BrowserSource(settings.executor, executor: executor) { console.warn($0) }
    defer { browser.stop() }
    let membership = try await FleetMembership.join(
      settings.address, name: "quarry-worker", in: context, tally: metrics.redis.tally)
    defer { membership.leave() }
    let executors = WarmExecutors.pool(executor, settings.isolation, runsAtOnce: settings.concurrency, console)
    defer { executors?.stop() }
    let server = listener.map { listener in
      MetricsServer(
        listener, collect: { metrics.families(slots: settings.concurrency, poolStarts: executors?.starts ?? 0) },
        health: { metrics.ailment })
    }
    defer { server?.stop() }
    if let server { console.say("metrics at \(server.address)") }
    return try await work(workerID, settings, identity, dataset, membership, metrics, console) { queue in
      RunTaskHandler(
        dataset: dataset, sinks: EventSinks(settings.eventSinks), executor: executor, executors: executors,
        scriptRoot: settings.scriptRoot.path, browser: browser,
        proxies: FleetProxies(selector: settings.proxies.selector, queue: queue) { console.say($0) },
        runsAtOnce: settings.concurrency, metrics: metrics, console: console)
    }
  }

  private func work(
    _ workerID: String, _ settings: WorkerSettings, _ storage: StorageIdentity, _ dataset: LodeDataset,
    _ membership: FleetMembership,
    _ metrics: WorkerMetrics, _ console: Console, handler: (FleetQueue) -> RunTaskHandler
  ) async throws(QuarryError) -> Int32 {
    var configuration = WorkerConfiguration(scriptRoot: settings.scriptRoot, storage: storage, workerID: workerID)
    configuration.fleet = settings.address.name
    configuration.concurrency = settings.concurrency
    configuration.drainTimeout = settings.drainTimeout
    configuration.memoryLimit = settings.memoryLimit
    let queue = try await FleetQueue.open(
      membership.connection, fleet: settings.address.name, actor: configuration.workerID, flags: settings.flags)
    defer { queue.close() }
    let notifications = try FleetNotifications(
      channel: ChannelPublisher(connection: membership.connection), adapter: settings.adapter, dataset: dataset,
      warn: { console.warn($0) })
    let handler = handler(queue)
    let worker = FleetWorker(
      configuration, queue: queue, ledger: metrics.storage.ledger(dataset.ledger), handler: handler,
      publish: { batch throws(QuarryError) in try await notifications.publish(batch) },
      notice: { notice in
        metrics.note(notice)
        console.about(notice.subject).say(notice.description, level: notice.level)
        handler.sinks.settle(notice) { console.warn($0) }
      }, figures: metrics.figures)
    try WorkerSignals.start(
      worker, drainLimit: configuration.drainTimeout + configuration.releaseTimeout, console)
    do throws(QuarryError) {
      let end = try await worker.run()
      await handler.sinks.finish()
      return end.exitCode
    } catch {
      // Also an executor of another version: the fleet and this worker do not go together.
      throw error.kind == .executor ? QuarryError(.fleet, error.message, remedy: error.remedy) : error
    }
  }
}
