import QuarryCore
import QuarryRuntime

struct DebugIPCCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ipc", abstract: "Tries the link to the executor, or shows what went over it.",
    discussion: """
      Starts the executor with a small script of this installation that sends every kind of frame, and counts what \
      arrives; nothing is stored. Exit code 1 when anything of it fails.

      What an executor writes to its standard output is a stream of frames. --decode prints such a stream as one JSON \
      object a line, binary as base64. A frame that is none is named on stderr with its place, and the rest is printed; \
      exit code 1.
      """)

  @Option(
    "decode", help: ArgumentHelp("Print the frames of this file; - for standard input.", valueName: "file"))
  var decode: String?
  @Flag("verbose", help: "Also show the frames by their kind, the time and what the executor said.")
  var verbose = false
  @OptionGroup var executor: ExecutorOptions
  @Option(
    "config",
    help: ArgumentHelp("The configuration file, which may name an executor. None is looked for.", valueName: "file"))
  var config: String?
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    if let decode { return try await FrameStreamPrinter(decode, in: context).print() }
    let configuration = try ConfigurationLoader.load(config, in: context)
    let settings = try ExecutorSettings(executor, configuration: configuration, context: context)
    let report = try await ExecutorProbe(ExecutorProgram(settings, in: context)).run()
    try output.render(.link(report, isVerbose: verbose), in: context)
    return report.outcome == .success ? 0 : ExitCode.failure
  }
}

/// Runs a script that sends every kind of frame, and keeps nothing of it.
struct ExecutorProbe {
  private let configuration: RunConfiguration

  init(_ executor: ExecutorProgram) throws(QuarryError) {
    guard let script = InstalledPaths.probe else {
      throw QuarryError(
        .executor, "nothing above \(InstalledPaths.executable) holds \(InstalledPaths.probeBelowRoot)",
        remedy: "run the program from its checkout")
    }
    let run = UUIDv7.make()
    var configuration = RunConfiguration(
      identity: RunIdentity(runID: run),
      partition: try RunPartition(
        dataset: "probe", source: "probe", category: "probe", day: Timestamp.now().day, runID: run),
      script: script, policy: .strict, executor: executor)
    configuration.timeout = .seconds(60)
    self.configuration = configuration
  }

  /// - Throws: `QuarryError(.executor)` when the executor cannot be started.
  func run() async throws(QuarryError) -> RunReport {
    try await RunOrchestrator(configuration, sink: NoStorage()).run()
  }

  private struct NoStorage: EventSink {
    func write(_ batch: RecordBatch) {}
    func putFile(name: String, contentType: String, data: UnsafeRawBufferPointer) {}
  }
}

extension Output {
  /// What came over the link to the executor.
  static func link(_ report: RunReport, isVerbose: Bool) -> Output {
    let figures = report.figures
    let counts = [
      ("event", figures.eventsReceived), ("artifact_chunk", figures.artifacts.chunks),
      ("file_write", figures.filesStored + figures.filesFailed), ("run_result", report.runResult == nil ? 0 : 1),
    ]
    let isWhole = report.outcome == .success
    var fields: [Field] = [
      Field(name: "transport", value: .value(.string("stdio"))),
      Field(name: "encoding", value: .value(.string("msgpack"))),
      Field(name: "messages_sent", value: .value(.count(counts.reduce(0) { $0 + $1.1 }))),
      Field(name: "errors", value: .value(.count(isWhole ? 0 : 1))),
      Field(name: "last_error", value: .value(.optional(isWhole ? nil : report.message))),
    ]
    if isVerbose {
      fields += [
        Field(name: "messages", value: record(counts.map { ($0.0, .count($0.1)) })),
        Field(name: "outcome", value: .value(.string(report.outcome.rawValue))),
        Field(name: "duration_ms", value: .value(.integer(report.duration.milliseconds))),
        Field(name: "stderr", value: .value(.optional(report.standardError.isEmpty ? nil : report.standardError))),
      ]
    }
    return .record(fields)
  }
}
