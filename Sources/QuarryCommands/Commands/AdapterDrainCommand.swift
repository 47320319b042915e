import QuarryCore
import QuarryLode
import QuarryPublish

struct AdapterCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adapter", abstract: "Sends notifications that wait in the outbox.",
    subcommands: [AdapterDrainCommand.self])
}

struct AdapterDrainCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain",
    abstract: "Sends what runs with --adapter-outbox could not deliver; prints what became of each notification.")

  @Option(
    "limit", help: ArgumentHelp("At most so many, the oldest first. Default: all.", valueName: "n"),
    transform: Reading.positive)
  var limit: Int?
  @Flag("retry-refused", help: "Send also what the receiver has refused before (a 4xx).")
  var retryRefused = false
  @OptionGroup(title: "The adapter") var adapter: AdapterOptions
  @OptionGroup(title: "Where they wait") var storage: StorageOptions
  @OptionGroup(title: "Where they wait") var storing: StoringOptions
  @Option("config", help: ArgumentHelp("Defaults for these flags, as YAML.", valueName: "file"))
  var config: String?
  @OptionGroup var output: OutputOptions

  /// Exit code 0 when nothing is left, 1 when something is, was refused just now, or cannot be read.
  func execute(in context: CommandContext) async throws -> Int32 {
    let configuration = try ConfigurationLoader.load(config, in: context)
    guard let settings = try AdapterSettings.resolve(adapter, configuration: configuration.adapter) else {
      throw QuarryError(
        .usage, "no adapter",
        remedy: "name the one that the runs had: --adapter webhook --adapter-url URL, or --config FILE")
    }
    let place = try StorageSettings(
      storage, storing: storing, configuration: configuration.storage, context: context)
    let store = try place.openForReading(in: context)
    let dataset = place.dataset(in: store)
    let reader = place.reader(of: store, in: context)
    let undelivered = try await Stored.list(in: context) { () throws(QuarryError) in
      try reader.undeliveredNotifications()
    }
    let pending = undelivered.filter { retryRefused || !$0.isRefused }
    let drain = OutboxDrain(
      adapter: try settings.adapter(), retries: settings.retries, outbox: dataset.outbox,
      warn: { context.console.warn($0) })
    let limit = limit ?? .max
    let results = await OwnThread.run { drain.send(pending.map(\.entry), limit: limit) }
    try output.render(.list(results.map(Output.drained)), in: context)
    let refused = results.count { $0.state == .refused }
    let left = pending.count - refused - results.count { $0.state == .delivered }
    tell(results, left: left, refusedBefore: undelivered.count - pending.count, context.console)
    return left == 0 && refused == 0 ? context.endOfReading : ExitCode.failure
  }

  private func tell(_ results: [OutboxDrain.Result], left: Int, refusedBefore: Int, _ console: Console) {
    let refused = results.count { $0.state == .refused }
    let parts = [
      "\(results.count { $0.state == .delivered }) delivered", "\(left) left",
      refused > 0 ? "\(refused) refused, which are not sent again (--retry-refused sends them)" : nil,
      refusedBefore > 0 ? "\(refusedBefore) refused before (--retry-refused sends them again)" : nil,
    ]
    console.say(parts.compactMap(\.self).joined(separator: ", "))
  }
}

extension Output {
  fileprivate static func drained(_ result: OutboxDrain.Result) -> Output {
    .record([
      ("notification_id", .string(result.entry.notificationID)), ("run_id", .string(result.entry.partition.runID)),
      ("adapter", .string(result.entry.adapter)), ("state", .string(result.state.rawValue)),
      ("attempts", .count(result.attempts)), ("error", .optional(result.error)),
    ])
  }
}
