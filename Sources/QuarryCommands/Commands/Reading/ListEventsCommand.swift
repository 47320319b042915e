import QuarryCore
import QuarryFleet

struct ListEventsCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events",
    abstract: "Lists what has happened in a live fleet, the newest last, and with --follow what will.",
    discussion: """
      Each event has an id. A reader that gives the last one it has seen to --from misses nothing and gets nothing twice, \
      as long as the fleet still has it: Redis keeps the last 10,000 or so, and what may be missing is said on stderr.
      """)

  @Option(
    "from", help: ArgumentHelp("Only events after this one; 0 for the oldest there is.", valueName: "id"),
    transform: ListEventsCommand.eventID)
  var from: String?
  @Flag("follow", help: "Then print each further event, until Ctrl-C; in JSON each is a line.")
  var follow = false
  @Option("job", help: ArgumentHelp("Only events of this job.", valueName: "id")) var job: String?
  @Option("type", help: ArgumentHelp("Only events of this type, such as task_dead. Repeatable.", valueName: "type"))
  var types: [String] = []
  @Option(
    "limit",
    help: ArgumentHelp(
      "Look at so many: the newest, or with --from those that come next. Default: 100, with --from all.", valueName: "n"
    ),
    transform: Reading.positive)
  var limit: Int?
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    if let unknown = types.first(where: { !FleetEvent.types.contains($0) }) {
      throw QuarryError(
        .usage, "there is no event type '\(unknown)'", remedy: "use one of \(FleetEvent.types.joined(separator: ", "))")
    }
    let address = try fleet.address(in: context)
    let first = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
      try await read(queue, in: context)
    }
    guard follow else {
      try output.render(.list(first.events.filter(isWanted).map(Output.event)), in: context)
      return first.mayMiss ? ExitCode.failure : 0
    }
    try print(first.events, in: context)
    let follower = FleetEventPrinter(address: address, context: context) { try print($0, in: context) }
    try await follower.run(from: first.last)
    return 0
  }

  private typealias Page = (events: [FleetEvent], last: String, mayMiss: Bool)

  private func read(_ queue: FleetQueue, in context: CommandContext) async throws(QuarryError) -> Page {
    guard let from else {
      let newest = try await queue.newestEvents(limit: limit ?? 100)
      return (newest.reversed(), newest.first?.id ?? "0-0", false)
    }
    let oldest = try await queue.oldestEvent()
    let mayMiss = oldest.map { FleetEvent.isID(from, before: $0.id) } ?? false && !FleetEvent.isBeginning(from)
    if mayMiss {
      context.console.warn("the fleet has let go of event \(from): some after it may be gone too")
    }
    var (found, last): ([FleetEvent], String) = ([], from)
    while found.count < limit ?? .max {
      let page = try await queue.events(after: last, limit: min(1_000, (limit ?? .max) - found.count))
      guard let newest = page.last else { break }
      found += page
      last = newest.id
    }
    return (found, last, mayMiss)
  }

  private func isWanted(_ event: FleetEvent) -> Bool {
    (types.isEmpty || types.contains(event.type)) && (job == nil || event.jobID == job)
  }

  private func print(_ events: [FleetEvent], in context: CommandContext) throws {
    for event in events where isWanted(event) {
      if output.format(in: context) == .table {
        context.console.printOut(event.line.onOneLine + "\n")
      } else {
        try output.renderOne(.event(event), in: context)
      }
    }
  }

  private static func eventID(_ text: String) throws -> String {
    guard FleetEvent.isID(text) else {
      throw ValidationError("'\(text)' is not the id of an event, such as 1764151389312-0, or 0.")
    }
    return text
  }
}

extension FleetEvent {
  /// For a person.
  fileprivate var line: String {
    let rest = fields.filter { !["type", "at"].contains($0.key) }.sorted { $0.key < $1.key }
    return ([id, at?.text() ?? "-", type] + rest.map { "\($0.key)=\($0.value)" }).joined(separator: "  ")
  }
}

extension Output {
  fileprivate static func event(_ event: FleetEvent) -> Output {
    let own: Set = ["type", "at", "job", "task", "run", "worker"]
    let rest = event.fields.filter { !own.contains($0.key) }.sorted { $0.key < $1.key }
    return .record([
      Field(name: "event_id", value: .value(.string(event.id))), Field(name: "at", value: .value(.time(event.at))),
      Field(name: "type", value: .value(.string(event.type))),
      Field(name: "job_id", value: .value(.optional(event.jobID))),
      Field(name: "task_id", value: .value(.optional(event.taskID))),
      Field(name: "run_id", value: .value(.optional(event.runID))),
      Field(name: "worker_id", value: .value(.optional(event.workerID))),
      Field(name: "details", value: .record(rest.map { ($0.key, .string($0.value)) })),
    ])
  }
}
