import Glibc
import QuarryCore
import QuarryFleet
import QuarryLode
import QuarryMetrics
import QuarryPublish

struct CoordinatorCommand: LoggingCommand {
  static let configuration = CommandConfiguration(
    commandName: "coordinator",
    abstract:
      "Submits a crawl to a fleet, shows its progress, prints a summary; without --script serves what is submitted.")

  @Option(
    "script",
    help: ArgumentHelp(
      "The crawl's root script, relative to the script root. Default: serve the jobs of `quarry submit`.",
      valueName: "file"))
  var script: String?
  @Option(
    "resume", help: ArgumentHelp("Go on with a job that was paused, or that its coordinator left.", valueName: "job"))
  var resume: String?
  @Flag(
    "rebuild",
    help:
      "Bring jobs that Redis has lost back from the dataset's ledger, and go on with them: the one of --resume, else all that have not ended."
  )
  var rebuild = false
  @Option(
    "job-id",
    help: ArgumentHelp("The job's id; the same again changes nothing. Default: a new UUIDv7.", valueName: "id"))
  var jobId: String?
  @OptionGroup(title: "The job") var job: JobOptions
  @OptionGroup(title: "Bounds") var limits: LimitOptions
  @OptionGroup(title: "Politeness") var politeness: PolitenessOptions
  @OptionGroup(title: "The fleet") var fleet: FleetOptions
  @OptionGroup(title: "The fleet") var scriptRoot: ScriptRootOptions
  @OptionGroup(title: "Patience") var patience: PatienceOptions
  @OptionGroup(title: "Where it goes") var partition: PartitionOptions
  @OptionGroup(title: "Where it goes") var storage: StorageOptions
  @OptionGroup(title: "Where it goes") var storing: StoringOptions
  @OptionGroup(title: "Policy") var policy: PolicyOptions
  @OptionGroup(title: "Who is told") var adapter: AdapterOptions
  @OptionGroup(title: "Who is told") var outbox: OutboxOptions
  @OptionGroup(title: "Seeing it") var metrics: MetricsOptions
  @OptionGroup(title: "Seeing it") var log: LogOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let settings = try CrawlSettings(self, in: context)
    let listener = try metrics.listener()
    let metrics = CoordinatorMetrics()
    let store = try settings.storage.openForWriting(in: context, context.console)
    let dataset = settings.storage.dataset(in: store)
    let identity = try dataset.storageIdentity()
    let membership = try await FleetMembership.join(
      settings.address, name: "quarry-coordinator", in: context, tally: metrics.redis.tally)
    defer { membership.leave() }
    let lost = rebuild ? try jobsToRebuild(settings, store, in: context) : []
    if rebuild, lost.isEmpty {
      context.console.say("this dataset has no job of fleet '\(settings.address.name)'")
      return 0
    }
    let task = settings.task(identity, lost)
    let done = try await coordinate(settings, task, identity, dataset, membership, metrics, listener, context.console)
    guard let summary = done else { return 0 }
    try output.render(.crawlSummary(summary), in: context)
    tellWhatNext(summary, settings, context.console)
    return summary.exitCode
  }

  /// - Returns: the job that was named, else those whose ledgers the fleet has in the dataset.
  private func jobsToRebuild(
    _ settings: CrawlSettings, _ store: any WritableStore, in context: CommandContext
  ) throws(QuarryError) -> [String] {
    if let resume { return [resume] }
    let jobs = try settings.storage.reader(of: store, in: context).ledgerJobs()
    return jobs.filter { $0.fleet == settings.address.name }.map(\.jobID)
  }

  /// - Returns: nil when it has served until it was stopped.
  private func coordinate(
    _ settings: CrawlSettings, _ task: CoordinatorTask, _ storage: StorageIdentity, _ dataset: LodeDataset,
    _ membership: FleetMembership, _ metrics: CoordinatorMetrics, _ listener: MetricsListener?, _ console: Console
  ) async throws(QuarryError) -> CoordinatorSummary? {
    var configuration = CoordinatorConfiguration()
    configuration.fleet = settings.address.name
    configuration.allowedDead = settings.allowedDead
    configuration.patience = settings.patience
    let queue = try await FleetQueue.open(
      membership.connection, fleet: settings.address.name, actor: configuration.coordinatorID, flags: settings.flags)
    defer { queue.close() }
    let server = listener.map { listener in
      MetricsServer(listener, collect: { await metrics.families(of: queue) }, health: { metrics.ailment })
    }
    defer { server?.stop() }
    if let server { console.say("metrics at \(server.address)") }
    let progress = CrawlProgress(console: console)
    defer { progress.finish() }
    let notifications = try FleetNotifications(
      channel: ChannelPublisher(connection: membership.connection), adapter: settings.adapter, dataset: dataset,
      warn: { progress.warn($0) })
    let coordinator = FleetCoordinator(
      configuration, task: task, queue: queue, ledger: metrics.storage.ledger(dataset.ledger),
      publish: { batch throws(QuarryError) in try await notifications.publish(batch) },
      request: { line throws(QuarryError) in try settings.submissions.request(line, storage) },
      notice: { notice in
        metrics.note(notice)
        progress.tell(notice, settings.flags)
      }, progress: { progress.show(CrawlFigures($0)) })
    try SignalWatch.start { _, count in
      if count > 1 { _exit(ExitCode.failure) }
      coordinator.interrupt()
      Deadline.endProcess(after: Self.endLimit, console: console) {
        progress.finish()
        let stillWaits = coordinator.awaitedStorage.map { ": \($0.text(settings.flags)), and for whoever leads next" }
        return (
          ExitCode.failure,
          "not stopped within \(Self.endLimit.shortText)\(stillWaits ?? "; whoever leads next does what is left")"
        )
      }
    }
    return try await coordinator.run()
  }

  /// How long it may take to end after the first signal. Longer than its last calls of Redis have; a storage that neither takes nor
  /// refuses has no end.
  private static let endLimit = Duration.seconds(15)

  private func tellWhatNext(_ summary: CoordinatorSummary, _ settings: CrawlSettings, _ console: Console) {
    if summary.isInterrupted { tellHowToGoOn(summary, settings, console) }
    let rejected = summary.status.enqueuesRejected
    if rejected > 0 {
      console.warn("\(rejected) enqueue events named no work and derived none; the workers' notes say why")
    }
    let flags = settings.flags.storage
    console.hint("quarry list runs --job \(summary.jobID)\(flags)")
    console.hint("quarry inspect job \(summary.jobID)\(flags)")
  }

  private func tellHowToGoOn(_ summary: CoordinatorSummary, _ settings: CrawlSettings, _ console: Console) {
    console.say("left job \(summary.jobID) before its end; workers go on with what was admitted")
    if summary.isHeld {
      console.say("nothing more of it is admitted until it is resumed")
    } else {
      console.warn("the fleet was not told to admit nothing more of it; workers do")
    }
    let flags = settings.flags
    console.hint("quarry coordinator --resume \(summary.jobID)\(flags.fleet)\(flags.storage)")
    // They may hold secrets.
    if adapter.isUsed {
      console.say("add the --adapter flags to that: without them notifications go out on the fleet's own channel alone")
    }
    console.hint("quarry pause job \(summary.jobID)\(flags.fleet)")
    console.hint("quarry cancel job \(summary.jobID)\(flags.fleet)")
  }
}

extension CrawlFigures {
  init(_ progress: Progress) {
    self.init(
      done: progress.done, running: progress.running, queued: progress.queued + progress.scheduled,
      dead: progress.dead, retried: progress.retried, workers: progress.status.workers,
      perSecond: progress.perSecond, timeLeft: progress.timeLeft)
  }
}
