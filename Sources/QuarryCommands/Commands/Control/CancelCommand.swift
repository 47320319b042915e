import QuarryCore
import QuarryFleet

struct CancelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Ends a job or a task for good: what waits never runs, what runs is stopped.",
    subcommands: [CancelJobCommand.self, CancelTaskCommand.self])
}

struct CancelJobCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "job", abstract: "Cancels all of a job's tasks; what it has accepted stays.")

  @Argument(help: ArgumentHelp("The job's id.", valueName: "id")) var id: String
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let address = try fleet.address(in: context)
    let reply = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in try await cancel(queue) }
    let progress = try reply.found()
    if progress.running > 0 {
      context.console.say("\(progress.running) runs are being stopped, each within a heartbeat of its worker")
    }
    try output.render(
      .control(.cancel, .job(id), progress.answer, more: [("running", .count(progress.running))]), in: context)
    return 0
  }

  /// All that waits, in steps that keep nobody else from Redis.
  private func cancel(_ queue: FleetQueue) async throws(QuarryError) -> ControlReply<CancelProgress> {
    var first: ControlAnswer?
    while true {
      let reply = try await queue.cancel(jobID: id)
      // What waited is gone, and with it maybe the job's last task.
      guard case .done(var progress) = reply else {
        guard let first else { return reply }
        return .done(CancelProgress(answer: first, waiting: 0, running: 0))
      }
      first = first ?? progress.answer
      progress.answer = first ?? progress.answer
      if progress.waiting == 0 { return .done(progress) }
    }
  }
}

struct CancelTaskCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "task", abstract: "Cancels one task that has not ended; the rest of its job goes on.")

  @Argument(help: ArgumentHelp("The task's id.", valueName: "id")) var id: String
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let address = try fleet.address(in: context)
    let reply = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
      try await queue.cancel(taskID: id)
    }
    try output.render(.control(.cancel, .task(id), try reply.found()), in: context)
    return 0
  }
}
