import QuarryCore
import QuarryLode
import QuarryRuntime

package struct RunCommand: LoggingCommand {
  package static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Runs one script, and with --depth what it enqueues.")

  package init() {}

  @Option("script", help: ArgumentHelp("The script, TypeScript or JavaScript. Needed.", valueName: "file"))
  var script: String?
  @OptionGroup(title: "The job") var job: JobOptions
  @OptionGroup(title: "Identity") var identity: IdentityOptions
  @OptionGroup(title: "Where it goes") var partition: PartitionOptions
  @OptionGroup(title: "Where it goes") var storage: StorageOptions
  @OptionGroup(title: "Where it goes") var storing: StoringOptions
  @OptionGroup(title: "Policy") var policy: PolicyOptions
  @OptionGroup(title: "Fan-out") var fanOut: FanOutOptions
  @OptionGroup(title: "Proxy") var proxy: ProxyPoolOptions
  @OptionGroup(title: "Proxy") var proxyKey: ProxyKeyOptions
  @OptionGroup(title: "Executor") var executor: ExecutorOptions
  @OptionGroup(title: "Event sinks") var eventSinks: EventSinkOptions
  @OptionGroup(title: "Who is told") var adapter: AdapterOptions
  @OptionGroup(title: "Who is told") var outbox: OutboxOptions
  @OptionGroup(title: "Executor") var isolation: IsolationOptions

  @Option(
    "run-timeout", help: ArgumentHelp("End the run after so long. Default: never.", valueName: "time"),
    transform: Reading.duration)
  var runTimeout: Duration?

  @Option("config", help: ArgumentHelp("Defaults for these flags, as YAML.", valueName: "file"))
  var config: String?

  @Option("report", help: ArgumentHelp("Write the run's report, as JSON; - is stderr.", valueName: "file"))
  var report: String?

  @Flag("dry-run", help: "Only load and check the script: exit 0, 1 when it is invalid, 2 without an executor.")
  var dryRun = false

  @Flag("quiet", help: "Say nothing on stderr but errors and data that was lost.")
  var quiet = false

  @OptionGroup(title: "Output") var output: RunOutputOptions
  @OptionGroup(title: "Output") var log: LogOptions

  package func execute(in context: CommandContext) async throws -> Int32 {
    let settings = try RunSettings(self, in: context)
    var context = context
    context.console = context.console.about(
      LogSubject(jobID: settings.identity.jobID, runID: settings.identity.runID))
    if dryRun { return try await DryRun.run(settings, isQuiet: quiet, in: context) }
    let narration = RunNarration(console: context.console, isQuiet: quiet)
    let console = quiet ? Console.silent : context.console
    let store = try settings.storage.openForWriting(in: context, console)
    let assembly = try RunAssembly(
      settings, dataset: settings.storage.dataset(in: store), console: console, in: context)
    // An id that was made just now is nobody else's.
    let claim = identity.runId == nil ? nil : try assembly.dataset.claim(runID: settings.identity.runID)
    defer { claim?.release() }
    let (report, exitCode, children) = try await run(settings, assembly, narration, in: context)
    narration.tellEnd(of: report, storage: settings.storage)
    ReportFile.write(report.jsonText, to: settings.reportPath, context.console)
    try output.render(.runSummary(report, children: children), in: context)
    return exitCode
  }

  private func run(
    _ settings: RunSettings, _ assembly: RunAssembly, _ narration: RunNarration, in context: CommandContext
  ) async throws(QuarryError) -> RunEnd {
    guard let limits = settings.fanOut else {
      let report = try await SingleRun(
        settings: settings, assembly: assembly, narration: narration, headStart: context.headStart
      ).run()
      return (report, report.exitCode, nil)
    }
    return try await FanOutRunner(
      settings: settings, limits: limits, assembly: assembly, narration: narration,
      workingDirectory: context.workingDirectory
    ).run()
  }
}

/// The root's report, the command's exit code, and with fan-out what became of the children.
typealias RunEnd = (report: RunReport, exitCode: Int32, children: FanOutCounts?)
