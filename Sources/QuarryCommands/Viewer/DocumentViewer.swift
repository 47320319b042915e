import QuarryCore
import QuarryTerminal

/// Shows what a command answers on the whole terminal.
enum DocumentViewer {
  /// Returns when it is over: q, Ctrl-C, a signal, or a terminal that is gone.
  /// - Throws: what the command throws at the first look, before the screen changes; a later failure is shown.
  static func show(_ command: some ViewableCommand, in context: CommandContext) async throws {
    let looks = DocumentLooks(command: command)
    let reading = try await looks.read(in: context)
    // Seen now, and again when the screen is as it was.
    for note in reading.notes { context.console.say(note) }
    let bell = try Bell()
    let feed = DocumentFeed(announce: { bell.ring() }) { await looks.news(in: context) }
    let view = DocumentView(
      title: looks.title(of: reading.document), reading: reading, feed: feed,
      signs: ViewerSigns(environment: context.environment), mayChange: { looks.command.mayChange($0) })
    let isColored = command.output.isColored(in: context)
    await OwnThread.run {
      var view = view
      var screen = FullScreen(bell: bell, isColored: isColored)
      screen.run(&view)
    }
  }
}
