import QuarryCore
import QuarryFleet
import QuarryRuntime

struct SubmitCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit", abstract: "Hands a job to a fleet whose coordinator serves, and returns.")

  @Option(
    "script",
    help: ArgumentHelp("The job's root script, relative to the coordinator's script root. Needed.", valueName: "file"))
  var script: String?
  @Option("key", help: ArgumentHelp("The same key is the same job, however often it is submitted.", valueName: "text"))
  var key: String?
  @Option("job-id", help: ArgumentHelp("The job's id, in place of a key. Default: a new UUIDv7.", valueName: "id"))
  var jobId: String?
  @OptionGroup(title: "The job") var job: JobOptions
  @OptionGroup(title: "Bounds") var limits: SubmissionLimitOptions
  @OptionGroup(title: "Politeness") var politeness: PolitenessOptions
  @OptionGroup(title: "Where it goes") var partition: PartitionOptions
  @OptionGroup(title: "Policy") var policy: PolicyOptions
  @Option(
    "wait", help: ArgumentHelp("How long to wait until a coordinator has taken it. Default: 5s.", valueName: "time"),
    transform: Reading.duration)
  var wait: Duration?
  @OptionGroup(title: "The fleet") var fleet: FleetOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let line = try line(in: context)
    let submission = try SubmissionLine(parsing: line)
    let address = try fleet.address(in: context)
    let (state, ignored, view) = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
      let known = try await KnownJob.find(submission.jobID, in: queue)
      let state = try await submit(line, isKnown: known != nil, to: queue)
      return (state, known?.differences(from: submission) ?? [], try await queue.fleetView())
    }
    if state == .known, !ignored.isEmpty {
      context.console.warn(
        "the job is known with other values, which it keeps: \(ignored.joined(separator: ", ")) counted for nothing")
      context.console.say(
        "`quarry control set --job \(submission.jobID)\(address.flags)` changes limits of a job; other work needs another key"
      )
    }
    if state == .waiting {
      context.console.say(
        view.leader.map {
          "coordinator \($0) leads the fleet and has not taken it yet"
            + (view.leaderHealth.map { ": \($0)" } ?? "; its log says what keeps it from that")
        }
          ?? "it waits until a coordinator takes it; start one with: quarry coordinator\(address.flags)")
    }
    try output.render(
      .record([("job_id", .string(submission.jobID)), ("state", .string(state.rawValue))]), in: context)
    return 0
  }

  private enum State: String {
    case submitted, known, waiting
  }

  private func submit(_ line: String, isKnown: Bool, to queue: FleetQueue) async throws(QuarryError) -> State {
    // The same line may have been refused before, and be no fault now.
    let before = try await lastReject(of: line, by: queue)
    try await queue.push(line: line)
    let deadline = ContinuousClock.now + (wait ?? .seconds(5))
    while try await queue.isWaiting(line: line) {
      guard try await queue.leader() != nil, ContinuousClock.now < deadline else { return .waiting }
      await FleetClock.system.sleep(.milliseconds(50))
    }
    if let reject = try await lastReject(of: line, by: queue), reject != before {
      throw QuarryError(.usage, "the coordinator refused the job: \(reject.reason)")
    }
    return isKnown ? .known : .submitted
  }

  private func lastReject(
    of line: String, by queue: FleetQueue
  ) async throws(QuarryError) -> RejectedSubmission? {
    let kept = RejectedSubmission.kept(of: line)
    return try await queue.rejects(limit: 1_000).first { $0.line == kept }
  }

  /// The documented JSON line.
  private func line(in context: CommandContext) throws(QuarryError) -> String {
    guard let script, !script.isEmpty else {
      throw QuarryError(.usage, "no script", remedy: "name the job's root with --script FILE")
    }
    guard key == nil || jobId == nil else {
      throw QuarryError(.usage, "--key and --job-id are both given", remedy: "leave one of them out")
    }
    let configuration = try ConfigurationLoader.load(fleet.config, in: context)
    var members: [String: JSONValue] = ["script": .string(script), "params": try job.value(in: context)]
    members["job_id"] = .string(jobId ?? key.map(SubmissionLine.jobID(forKey:)) ?? UUIDv7.make())
    members["source"] = partition.source.map(JSONValue.string)
    members["category"] = partition.category.map(JSONValue.string)
    if policy.policy != nil {
      members["policy"] = .string(try policy.policy(configuration: configuration.policy).text)
    }
    for (name, value) in limits.members { members[name] = value }
    let politeness = try politeness.politeness(configuration: Configuration.Fleet())
    members.merge(politeness.submissionMembers) { $1 }
    return JSONValue.object(members).canonicalText
  }
}

/// How far a submitted job goes.
struct SubmissionLimitOptions: ParsableArguments {
  @Option(
    "depth",
    help: ArgumentHelp("Follow what scripts enqueue to this distance from the root. Default: 0.", valueName: "n"),
    transform: Reading.natural)
  var depth: Int?
  @Option(
    "max-runs", help: ArgumentHelp("The most tasks, the root included. Default: no limit.", valueName: "n"),
    transform: Reading.positive)
  var maxRuns: Int?
  @Option("lane", help: ArgumentHelp("high, default or low, of the first task. Default: default.", valueName: "lane"))
  var lane: String?
  @Option(
    "run-timeout", help: ArgumentHelp("End a run after so long. Default: never.", valueName: "time"),
    transform: Reading.duration)
  var runTimeout: Duration?
  @Option(
    "attempts", help: ArgumentHelp("Attempts at a task whose script fails.", valueName: "n"),
    transform: Reading.positive)
  var attempts: Int?
  @Option(
    "crashes", help: ArgumentHelp("Crashes of a task's executor or worker.", valueName: "n"),
    transform: Reading.positive)
  var crashes: Int?
  @Option(
    "blocks", help: ArgumentHelp("Refusals of a site that a task survives.", valueName: "n"),
    transform: Reading.positive)
  var blocks: Int?

  var members: [(String, JSONValue)] {
    let numbers: [(String, Int64?)] = [
      ("depth", depth.map(Int64.init)), ("max_runs", maxRuns.map(Int64.init)),
      ("timeout_ms", runTimeout?.milliseconds), ("attempts", attempts.map(Int64.init)),
      ("crashes", crashes.map(Int64.init)), ("blocks", blocks.map(Int64.init)),
    ]
    var members = numbers.compactMap { name, number in number.map { (name, JSONValue.integer($0)) } }
    if let lane { members.append(("lane", .string(lane))) }
    return members
  }
}
