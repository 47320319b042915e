import QuarryCore
import QuarryFleet

struct PauseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Hands out nothing more of a fleet, a job, or to a worker; what runs goes on.",
    subcommands: [PauseFleetCommand.self, PauseJobCommand.self, PauseWorkerCommand.self])
}

struct ResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Lifts what `quarry pause` and `quarry drain` have begun.",
    subcommands: [ResumeFleetCommand.self, ResumeJobCommand.self, ResumeWorkerCommand.self])
}

struct DrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain",
    abstract: "Lets a job end with what it has, or a worker with what it runs, and take in nothing more.",
    subcommands: [DrainJobCommand.self, DrainWorkerCommand.self])
}

/// A command that holds something back or lets it go on.
protocol HoldCommand: ExecutableCommand {
  static var verb: ControlVerb { get }
  var subject: ControlSubject { get }
  var fleet: FleetOptions { get }
  var output: OutputOptions { get }
}

extension HoldCommand {
  func execute(in context: CommandContext) async throws -> Int32 {
    let address = try fleet.address(in: context)
    let reply = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
      try await queue.control(Self.verb, subject)
    }
    let answer = try reply.found()
    if !answer.hasChanged { context.console.say("that was so before; nothing was changed") }
    try output.render(.control(Self.verb, subject, answer), in: context)
    return 0
  }
}

struct PauseFleetCommand: HoldCommand {
  static let configuration = CommandConfiguration(
    commandName: "fleet", abstract: "Hands out nothing of any job, until `quarry resume fleet`.")
  static let verb = ControlVerb.pause
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions
  var subject: ControlSubject { .fleet }
}

struct PauseJobCommand: HoldCommand {
  static let configuration = CommandConfiguration(
    commandName: "job", abstract: "Hands out and admits nothing of a job, until `quarry resume job`.")
  static let verb = ControlVerb.pause
  @Argument(help: ArgumentHelp("The job's id.", valueName: "id")) var id: String
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions
  var subject: ControlSubject { .job(id) }
}

struct PauseWorkerCommand: HoldCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Hands a worker nothing, until `quarry resume worker`.")
  static let verb = ControlVerb.pause
  @Argument(help: ArgumentHelp("The worker's id.", valueName: "id")) var id: String
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions
  var subject: ControlSubject { .worker(id) }
}

struct ResumeFleetCommand: HoldCommand {
  static let configuration = CommandConfiguration(commandName: "fleet", abstract: "Hands out work again.")
  static let verb = ControlVerb.resume
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions
  var subject: ControlSubject { .fleet }
}

struct ResumeJobCommand: HoldCommand {
  static let configuration = CommandConfiguration(
    commandName: "job", abstract: "Goes on with a job that was paused, drained, or left by its coordinator.")
  static let verb = ControlVerb.resume
  @Argument(help: ArgumentHelp("The job's id.", valueName: "id")) var id: String
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions
  var subject: ControlSubject { .job(id) }
}

struct ResumeWorkerCommand: HoldCommand {
  static let configuration = CommandConfiguration(commandName: "worker", abstract: "Hands a worker tasks again.")
  static let verb = ControlVerb.resume
  @Argument(help: ArgumentHelp("The worker's id.", valueName: "id")) var id: String
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions
  var subject: ControlSubject { .worker(id) }
}

struct DrainJobCommand: HoldCommand {
  static let configuration = CommandConfiguration(
    commandName: "job",
    abstract: "Runs what a job has, and admits nothing more of it until `quarry resume job`.")
  static let verb = ControlVerb.drain
  @Argument(help: ArgumentHelp("The job's id.", valueName: "id")) var id: String
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions
  var subject: ControlSubject { .job(id) }
}

struct DrainWorkerCommand: HoldCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Tells a worker to end its runs and leave, as SIGTERM does.")
  static let verb = ControlVerb.drain
  @Argument(help: ArgumentHelp("The worker's id.", valueName: "id")) var id: String
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions
  var subject: ControlSubject { .worker(id) }
}

extension ControlReply {
  /// - Throws: `NotFound` for what the fleet does not know, `QuarryError(.usage)` for another refusal.
  func found() throws -> Value {
    if case .refused(let refusal) = self, refusal.isUnknown {
      throw NotFound(refusal.error.message, remedy: refusal.error.remedy)
    }
    return try get()
  }
}
