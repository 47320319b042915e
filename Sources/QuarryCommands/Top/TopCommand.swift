import QuarryCore
import QuarryFleet
import QuarryTerminal

struct TopCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top",
    abstract: "Shows a live fleet on the whole terminal: workers, queue, hosts, leases, jobs, throughput, time left.",
    discussion: """
      q ends, ? lists the keys. With --once or --format, and where stdout is no terminal, it is printed once. It asks for \
      the newest 100 jobs, 200 workers, 100 hosts and 100 leases, however large the fleet is.
      """)

  @Flag("once", help: "Print it once.")
  var once = false
  @Option(
    "interval", help: ArgumentHelp("From one look to the next. Default: 1s, at least 100ms.", valueName: "time"),
    transform: WatchOptions.interval)
  var interval: Duration?
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let reader = TopReader(address: try fleet.address(in: context))
    let isPrinted = once || output.format != nil || !context.console.isOutputTerminal
    guard !isPrinted else { return try await print(try await reader.read(in: context), in: context) }
    try TerminalDevice.check(environment: context.environment, flag: "`quarry top` without --once")
    try await show(reader, in: context)
    return 0
  }

  private func print(_ reading: DocumentReading, in context: CommandContext) async throws -> Int32 {
    guard interval == nil else {
      throw QuarryError(
        .usage, "--interval is the pace of a live view, and this is printed once", remedy: "leave it out")
    }
    guard output.format(in: context) == .table else {
      try output.render(reading.document, in: context)
      return 0
    }
    let isColored = context.console.isOutputTerminal && output.isColored(in: context)
    let lines = TopText.lines(of: reading.document)
    context.console.printOut(lines.map { $0.text(isColored: isColored) + "\n" }.joined())
    return 0
  }

  private func show(_ reader: TopReader, in context: CommandContext) async throws {
    let first = try await reader.read(in: context)
    let bell = try Bell()
    let feed = DocumentFeed(announce: { bell.ring() }) { await reader.news(in: context) }
    let view = TopView(
      reading: first, feed: feed, pace: LivePace(interval: interval ?? .seconds(1), mayChange: true),
      signs: ViewerSigns(environment: context.environment))
    let isColored = output.isColored(in: context)
    await OwnThread.run {
      var view = view
      var screen = FullScreen(bell: bell, isColored: isColored)
      screen.run(&view)
    }
  }
}
