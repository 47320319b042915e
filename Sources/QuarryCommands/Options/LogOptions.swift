/// `--log-format`, for commands that tell how they do while they work.
struct LogOptions: ParsableArguments {
  @Option(
    "log-format",
    help: ArgumentHelp(
      "text, or json: each line on stderr one object with time, level, message and ids. Default: text.",
      valueName: "format"))
  var logFormat: LogFormat?
}

/// A command that takes `--log-format`; what it is refused for is written in that form too.
protocol LoggingCommand: ExecutableCommand {
  var log: LogOptions { get }
}
