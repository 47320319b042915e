import QuarryCore

/// `--watch`, for commands whose answer may become another.
struct WatchOptions: ParsableArguments {
  private static let flag = "--watch"
  /// As that of watch(1); each look is a few questions to Redis, or to the dataset.
  private static let shortest = Duration.milliseconds(100)

  @Flag(
    "watch",
    help: "Look again and again: on a terminal it is redrawn (q ends), else each answer that differs is printed.")
  var watch = false

  @Option(
    "interval",
    help: ArgumentHelp("With --watch, from one look to the next. Default: 2s, at least 100ms.", valueName: "time"),
    transform: WatchOptions.interval)
  var interval: Duration?

  /// - Returns: the time between two looks; nil for a single look.
  /// - Throws: `QuarryError(.usage)` for an interval of nothing.
  func pace() throws(QuarryError) -> Duration? {
    guard interval == nil || watch else {
      throw QuarryError(
        .usage, "--interval is the pace of \(Self.flag), which is not given", remedy: "add \(Self.flag)")
    }
    return watch ? interval ?? .seconds(2) : nil
  }

  static func interval(_ text: String) throws -> Duration {
    let interval = try Reading.duration(text)
    guard interval >= shortest else { throw ValidationError("less than \(shortest.shortText)") }
    return interval
  }
}
