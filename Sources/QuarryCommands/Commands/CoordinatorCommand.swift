import ArgumentParser
import QuarryCore

struct CoordinatorCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coordinator", abstract: "Submits a crawl to a fleet, shows its progress, prints a summary.")

  @Option(help: ArgumentHelp("The crawl's root script, relative to the script root. Needed.", valueName: "file"))
  var script: String?
  @Option(help: ArgumentHelp("The job's id; the same again changes nothing. Default: a new UUIDv7.", valueName: "id"))
  var jobId: String?
  @OptionGroup(title: "The job") var job: JobOptions
  @OptionGroup(title: "Bounds") var limits: LimitOptions
  @OptionGroup(title: "The fleet") var fleet: FleetOptions
  @OptionGroup(title: "The fleet") var scriptRoot: ScriptRootOptions
  @OptionGroup(title: "Patience") var patience: PatienceOptions
  @OptionGroup(title: "Where it goes") var partition: PartitionOptions
  @OptionGroup(title: "Where it goes") var storage: StorageOptions
  @OptionGroup(title: "Where it goes") var durability: DurabilityOptions
  @OptionGroup(title: "Policy") var policy: PolicyOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let settings = try CrawlSettings(self, in: context)
    throw QuarryError(.usage, "crawling on '\(settings.address.name)' is not built yet in \(Version.current)")
  }
}
