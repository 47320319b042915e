import QuarryCore
import QuarryTerminal

/// `--watch`: shows what a command answers, and what it answers later, until somebody ends it.
enum DocumentWatch {
  /// - Returns: the exit code of an end that was asked for, by a key, a signal or a reader that has gone.
  /// - Throws: what the command throws at the first look; a later failure is said, and what was read last stays.
  static func run(
    _ command: some WatchableCommand, every interval: Duration, in context: CommandContext
  ) async throws -> Int32 {
    let looks = DocumentLooks(command: command)
    let reading = try await looks.read(in: context)
    for note in reading.notes { context.console.say(note) }
    let pace = LivePace(interval: interval, mayChange: true)
    if context.console.isOutputTerminal, TerminalDevice.canShow(environment: context.environment) {
      try await show(looks, reading, pace, in: context)
    } else {
      var printer = WatchPrinter(reading, pace: pace, console: context.console) {
        try looks.command.output.renderOne($0, in: context)
      }
      try await printer.run { await looks.news(in: context) }
    }
    return 0
  }

  private static func show<Command: WatchableCommand>(
    _ looks: DocumentLooks<Command>, _ reading: DocumentReading, _ pace: LivePace, in context: CommandContext
  ) async throws {
    let bell = try Bell()
    let feed = DocumentFeed(announce: { bell.ring() }) { await looks.news(in: context) }
    let format = looks.command.output.format(in: context)
    let view = WatchView(
      title: looks.title(of: reading.document), reading: reading, feed: feed, pace: pace,
      signs: ViewerSigns(environment: context.environment), page: { WatchPage($0, as: format) })
    let isColored = looks.command.output.isColored(in: context)
    await OwnThread.run {
      var view = view
      var screen = FullScreen(bell: bell, isColored: isColored)
      screen.run(&view)
    }
  }
}
