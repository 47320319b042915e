import QuarryCore
import QuarryFleet

struct ControlCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "control", abstract: "Changes the limits of a fleet, a job or a host while work goes on.",
    subcommands: [ControlSetCommand.self])
}

struct ControlSetCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Sets limits from now on: of the fleet, or with --job or --host of that alone.",
    discussion: """
      What a wait was begun with it ends with. Work that was cut by an old --max-runs does not come back. `default` as \
      a host's value goes back to the fleet's, as --run-timeout to none.
      """)

  @Option("job", help: ArgumentHelp("Set limits of this job.", valueName: "id")) var job: String?
  @Option("host", help: ArgumentHelp("Set limits of this host.", valueName: "name")) var host: String?
  @Option(
    "lease", help: ArgumentHelp("How long a worker may be silent before its tasks go to others.", valueName: "time"),
    transform: Reading.duration)
  var lease: Duration?
  @Option(
    "heartbeat", help: ArgumentHelp("How often a worker renews its leases.", valueName: "time"),
    transform: Reading.duration)
  var heartbeat: Duration?
  @Option(
    "host-concurrency", help: ArgumentHelp("Tasks at once on a host; 0: no limit.", valueName: "n"),
    transform: LimitValue.count)
  var hostConcurrency: LimitValue?
  @Option(
    "host-delay", help: ArgumentHelp("From one start on a host to the next.", valueName: "time"),
    transform: LimitValue.time)
  var hostDelay: LimitValue?
  @Option(
    "host-max-pages", help: ArgumentHelp("The job's most tasks for one host; 0: no limit.", valueName: "n"),
    transform: Reading.natural)
  var hostMaxPages: Int?
  @Option(
    "job-concurrency", help: ArgumentHelp("The job's most tasks at once; 0: no limit.", valueName: "n"),
    transform: Reading.natural)
  var jobConcurrency: Int?
  @Option("auto-throttle", help: ArgumentHelp("Space a host's starts by how fast it answers.", valueName: "switch"))
  var autoThrottle: Switch?
  @Option(
    "max-runs", help: ArgumentHelp("The job's most tasks; 0: no limit.", valueName: "n"), transform: Reading.natural)
  var maxRuns: Int?
  @Option("run-timeout", help: ArgumentHelp("End a run after so long.", valueName: "time"), transform: LimitValue.time)
  var runTimeout: LimitValue?
  @Option(
    "attempts", help: ArgumentHelp("Attempts at a task whose script fails.", valueName: "n"),
    transform: Reading.positive)
  var attempts: Int?
  @Option(
    "retry-base", help: ArgumentHelp("The first pause after a failure.", valueName: "time"), transform: Reading.duration
  )
  var retryBase: Duration?
  @Option("retry-cap", help: ArgumentHelp("The longest such pause.", valueName: "time"), transform: Reading.duration)
  var retryCap: Duration?
  @Option(
    "crashes", help: ArgumentHelp("Crashes of a task's executor or worker.", valueName: "n"),
    transform: Reading.positive)
  var crashes: Int?
  @Option(
    "crash-base", help: ArgumentHelp("The first pause after a crash.", valueName: "time"), transform: Reading.duration)
  var crashBase: Duration?
  @Option(
    "blocks", help: ArgumentHelp("Refusals of a site that a task survives.", valueName: "n"),
    transform: Reading.positive)
  var blocks: Int?
  @Option(
    "block-base", help: ArgumentHelp("The first pause after a refusal.", valueName: "time"), transform: Reading.duration
  )
  var blockBase: Duration?
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let subject = try subject()
    let limits = try limits(of: subject)
    let address = try fleet.address(in: context)
    let reply = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
      try await queue.set(limits, of: subject)
    }
    try output.render(.control(.set, subject, try reply.found()), in: context)
    return 0
  }

  private func subject() throws(QuarryError) -> ControlSubject {
    switch (job, host) {
    case (nil, nil): return .fleet
    case (let job?, nil): return .job(job)
    case (nil, let host?):
      guard WorkHost.isName(host) else {
        throw QuarryError(
          .usage, "--host '\(host)' is not a host's name", remedy: "give it as URLs have it: shop.example")
      }
      return .host(host)
    case (_?, _?): throw QuarryError(.usage, "--job and --host are both given", remedy: "leave one of them out")
    }
  }

  /// - Throws: `QuarryError(.usage)` for none, and for one that the subject does not have.
  private func limits(of subject: ControlSubject) throws(QuarryError) -> [FleetLimit: Int64?] {
    let given = given
    guard !given.isEmpty else {
      throw QuarryError(.usage, "no limit to set", remedy: "`quarry control set --help` lists them")
    }
    let known = subject.limits
    if let stranger = given.first(where: { !known.contains($0.limit) }) {
      throw QuarryError(
        .usage, "\(stranger.flag) is no limit of a \(subject.kind)",
        remedy: subject == .fleet ? "name the job with --job ID" : "leave it out, or leave out --\(subject.kind)")
    }
    if let delay = hostDelay?.number, delay > Politeness.longestDelay.milliseconds {
      throw QuarryError(
        .usage, "a host delay of \(Duration.milliseconds(delay).shortText) is longer than a day",
        remedy: "give --host-delay a day at most")
    }
    return Dictionary(given.map { ($0.limit, $0.value) }) { $1 }
  }

  private typealias Given = (flag: String, limit: FleetLimit, value: Int64?)

  private var given: [Given] {
    let values: [(String, FleetLimit, LimitValue?)] = [
      ("--lease", .lease, lease.map(LimitValue.init)), ("--heartbeat", .heartbeat, heartbeat.map(LimitValue.init)),
      ("--host-concurrency", .hostConcurrency, hostConcurrency), ("--host-delay", .hostDelay, hostDelay),
      ("--host-max-pages", .hostMaxPages, hostMaxPages.map(LimitValue.init)),
      ("--job-concurrency", .jobConcurrency, jobConcurrency.map(LimitValue.init)),
      ("--auto-throttle", .autoThrottle, autoThrottle.map { LimitValue($0 == .on ? 1 : 0) }),
      ("--max-runs", .maxRuns, maxRuns.map(LimitValue.init)), ("--run-timeout", .runTimeout, runTimeout),
      ("--attempts", .attempts, attempts.map(LimitValue.init)),
      ("--retry-base", .retryBase, retryBase.map(LimitValue.init)),
      ("--retry-cap", .retryCap, retryCap.map(LimitValue.init)), ("--crashes", .crashes, crashes.map(LimitValue.init)),
      ("--crash-base", .crashBase, crashBase.map(LimitValue.init)), ("--blocks", .blocks, blocks.map(LimitValue.init)),
      ("--block-base", .blockBase, blockBase.map(LimitValue.init)),
    ]
    return values.compactMap { flag, limit, value in
      value.map { (flag: flag, limit: limit, value: $0.number) }
    }
  }
}

enum Switch: String, CaseIterable {
  case on, off
}

/// A limit as it is typed: a number, a time, or `default`.
struct LimitValue: Sendable {
  /// Nil for the default.
  let number: Int64?

  init(_ duration: Duration) { number = duration.milliseconds }
  init(_ count: Int) { number = Int64(count) }
  private init() { number = nil }

  static func count(_ text: String) throws -> LimitValue {
    if text == "default" { return LimitValue() }
    return LimitValue(try Reading.natural(text))
  }

  static func time(_ text: String) throws -> LimitValue {
    if text == "default" { return LimitValue() }
    if Duration(text: text) == .zero || text == "0" { return LimitValue(0) }
    return LimitValue(try Reading.duration(text))
  }
}

extension ControlSubject {
  fileprivate var limits: Set<FleetLimit> {
    switch self {
    case .fleet: [.lease, .heartbeat, .hostConcurrency, .hostDelay, .autoThrottle]
    case .host: [.hostConcurrency, .hostDelay]
    case .job:
      [
        .hostConcurrency, .hostDelay, .hostMaxPages, .jobConcurrency, .autoThrottle, .maxRuns, .runTimeout, .attempts,
        .retryBase,
        .retryCap, .crashes, .crashBase, .blocks, .blockBase,
      ]
    case .task, .worker: []
    }
  }
}
