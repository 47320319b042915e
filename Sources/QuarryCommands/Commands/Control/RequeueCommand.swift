import QuarryCore
import QuarryFleet

struct RequeueCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "requeue", abstract: "Gives dead tasks all of their tries again.",
    discussion: "The filters hold together. A task is claimed as soon as the ledger has that it was requeued.")

  @Option("task", help: ArgumentHelp("Only this task; repeatable.", valueName: "id"))
  var tasks: [String] = []
  @Option("job", help: ArgumentHelp("Only tasks of this job. Default: of all jobs.", valueName: "id"))
  var job: String?
  @Option("host", help: ArgumentHelp("Only tasks of this host.", valueName: "name"))
  var host: String?
  @Option("failure", help: ArgumentHelp("Only tasks that died of this kind of failure.", valueName: "kind"))
  var failure: DeathKind?
  @Option("error", help: ArgumentHelp("Only tasks whose error has this text in it.", valueName: "text"))
  var error: String?
  @OptionGroup var confirmation: ConfirmationOptions
  @Flag(
    "from-ledger",
    help: "For a job that Redis has lost or let go of: by the dataset's ledger, from which it is brought back.")
  var fromLedger = false
  @OptionGroup(title: "With --from-ledger") var storage: StorageOptions
  @OptionGroup(title: "With --from-ledger") var storing: StoringOptions
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    try confirmation.require("requeued")
    if !tasks.isEmpty, [job, host, error, failure?.rawValue].contains(where: { $0 != nil }) {
      throw QuarryError(.usage, "--task names tasks one by one", remedy: "leave the filters out")
    }
    if fromLedger { return try await requeueFromLedger(in: context) }
    let address = try fleet.address(in: context)
    let found = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
      if tasks.isEmpty { return try await byFilter(queue) }
      return try await byName(queue)
    }
    for refusal in found.refusals { context.console.report(refusal) }
    if found.unrecorded > 0 {
      context.console.say("\(found.unrecorded) more can be requeued when the ledger has their deaths, in a few seconds")
    }
    context.console.say("\(found.tasks.count) tasks \(dryRun ? "would be requeued" : "requeued")")
    try output.render(.list(found.tasks.map(Output.taskRow)), in: context)
    return found.refusals.isEmpty ? 0 : ExitCode.failure
  }

  private func requeueFromLedger(in context: CommandContext) async throws -> Int32 {
    guard let job, tasks.isEmpty else {
      throw QuarryError(.usage, "--from-ledger needs one job", remedy: "name it with --job ID, and leave --task out")
    }
    let configuration = try ConfigurationLoader.load(fleet.config, in: context)
    let address = try FleetAddress(fleet, configuration: configuration.fleet, in: context)
    let settings = try StorageSettings(
      storage, storing: storing, configuration: configuration.storage, context: context)
    let store = try settings.openForWriting(in: context, context.console)
    let dataset = settings.dataset(in: store)
    let identity = try dataset.storageIdentity()
    let membership = try await FleetMembership.join(address, name: "quarry-requeue", in: context)
    defer { membership.leave() }
    let queue = try await FleetQueue.open(
      membership.connection, fleet: address.name, actor: "control-" + ProcessName.make(),
      flags: FleetFlags(fleet: address.flags, storage: RunNarration.flags(settings)))
    defer { queue.close() }
    let requeue = LedgerRequeue(
      queue: queue, ledger: dataset.ledger, storage: identity, retries: RetryBudgets(), timing: try await queue.timing()
    )
    let found = try await requeue.requeue(job, filter, onlyLooks: dryRun)
    context.console.say("\(found.count) tasks \(dryRun ? "would be requeued" : "requeued")")
    try output.render(.list(found.map { Output.requeuedRow($0, jobID: job) }), in: context)
    return 0
  }

  private var dryRun: Bool { confirmation.dryRun }

  private var filter: RequeueFilter { RequeueFilter(host: host, failure: failure?.rawValue, error: error) }

  private struct Found: Sendable {
    var tasks: [TaskView] = []
    var unrecorded = 0
    var refusals: [QuarryError] = []
  }

  private func byName(_ queue: FleetQueue) async throws(QuarryError) -> Found {
    var found = Found()
    for id in tasks {
      if dryRun {
        let task = try await queue.task(id)?.task
        if let task, task.state == .dead {
          found.tasks.append(task)
        } else {
          let reason = task?.state.rawValue ?? "unknown"
          found.refusals.append(
            ControlRefusal(reason: reason, verb: .requeue, subject: .task(id), fleet: queue.fleet, flags: queue.flags)
              .error)
        }
        continue
      }
      switch try await queue.requeue(taskID: id) {
      case .done(let page): found.tasks += page.tasks
      case .refused(let refusal): found.refusals.append(refusal.error)
      }
    }
    return found
  }

  private func byFilter(_ queue: FleetQueue) async throws(QuarryError) -> Found {
    var found = Found()
    if let job {
      try await add(job, queue, to: &found)
      return found
    }
    for job in try await queue.jobs(limit: .max) where job.status.dead > 0 {
      try await add(job.jobID, queue, to: &found)
    }
    return found
  }

  private func add(_ job: String, _ queue: FleetQueue, to found: inout Found) async throws(QuarryError) {
    var offset: Int? = 0
    while let from = offset {
      switch try await queue.requeue(jobID: job, filter, offset: from, onlyLooks: dryRun) {
      case .done(let page):
        found.tasks += page.tasks
        found.unrecorded += page.unrecorded
        offset = page.next
      case .refused(let refusal):
        // Of all jobs, one that is cancelled is none of those that are meant.
        if self.job != nil || refusal.isForgotten { found.refusals.append(refusal.error) }
        return
      }
    }
  }
}

/// What a task may die of.
enum DeathKind: String, CaseIterable {
  case app, crash, blocked, unrunnable
}
