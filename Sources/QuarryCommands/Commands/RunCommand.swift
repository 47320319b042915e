import ArgumentParser
import QuarryCore

package struct RunCommand: ExecutableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Runs one script, and with --depth what it enqueues.")

  package init() {}

  @Option(help: ArgumentHelp("The script, TypeScript or JavaScript. Needed.", valueName: "file"))
  var script: String?
  @OptionGroup(title: "The job") var job: JobOptions
  @OptionGroup(title: "Identity") var identity: IdentityOptions
  @OptionGroup(title: "Where it goes") var partition: PartitionOptions
  @OptionGroup(title: "Where it goes") var storage: StorageOptions
  @OptionGroup(title: "Where it goes") var durability: DurabilityOptions
  @OptionGroup(title: "Policy") var policy: PolicyOptions
  @OptionGroup(title: "Fan-out") var fanOut: FanOutOptions
  @OptionGroup(title: "Executor") var executor: ExecutorOptions

  @Option(help: ArgumentHelp("End the run after so long. Default: never.", valueName: "time"), transform: Reading.duration)
  var runTimeout: Duration?

  @Option(help: ArgumentHelp("Defaults for these flags, as YAML.", valueName: "file"))
  var config: String?

  @Option(help: ArgumentHelp("Write the run's report, as JSON; - is stderr.", valueName: "file"))
  var report: String?

  @Flag(help: "Only load and check the script: exit 0, 1 when it is invalid, 2 without an executor.")
  var dryRun = false

  @Flag(help: "Say nothing on stderr but errors.")
  var quiet = false

  package func execute(in context: CommandContext) async throws -> Int32 {
    let settings = try RunSettings(self, in: context)
    throw QuarryError(.usage, "running \(settings.script) is not built yet in \(Version.current)")
  }
}
