import QuarryCore
import QuarryTerminal

/// `--tui`, for the commands whose answer can be looked through on the whole terminal.
struct ViewOptions: ParsableArguments {
  static let flag = "--tui"

  @Flag(
    "tui", help: "Show it on the whole terminal, to be looked through and kept up to date; q ends, ? lists the keys.")
  var tui = false

  /// - Throws: `QuarryError(.usage)` where it contradicts another flag, or there is no terminal for it.
  func check(_ output: OutputOptions, _ watch: WatchOptions, in context: CommandContext) throws(QuarryError) {
    guard output.format == nil else {
      throw QuarryError(
        .usage, "\(Self.flag) shows the answer on the screen, --format prints it: they exclude each other",
        remedy: "leave one of the two out")
    }
    guard !watch.watch else {
      throw QuarryError(
        .usage, "\(Self.flag) keeps what it shows up to date: it needs no --watch", remedy: "leave one of the two out")
    }
    try TerminalDevice.check(environment: context.environment, flag: Self.flag)
  }
}
