import QuarryCore
import QuarryFleet
import QuarryLode

/// Where a command looks for runs: in the dataset; live in a fleet's Redis when that is named and no storage path is; with
/// both in the dataset, and the fleet says which runs go on.
struct RunPlaceOptions: ParsableArguments {
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var storage: StorageOptions
  @OptionGroup var silence: LivenessOptions

  enum Source {
    case live(FleetAddress)
    case dataset(LodeReader, Liveness)
  }

  func source(in context: CommandContext) async throws -> Source {
    if isFleetNamed, storage.storagePath == nil { return .live(try fleet.address(in: context)) }
    let (reader, liveness) = try await dataset(in: context)
    return .dataset(reader, liveness)
  }

  /// The dataset, also where only a fleet is named.
  func dataset(in context: CommandContext) async throws -> (LodeReader, Liveness) {
    let configuration = try ConfigurationLoader.load(fleet.config, in: context)
    let reader = try storage.reader(
      configuration, remedy: "name the folder that holds the data with --storage-path DIR", in: context)
    guard isFleetNamed else { return (reader, silence.liveness()) }
    let leases = try await LiveFleet.ask(try fleet.address(in: context), in: context) { queue throws(QuarryError) in
      try await queue.leasedRuns()
    }
    return (reader, silence.liveness(leases: leases))
  }

  /// What leads another command to the same dataset, for hints; empty or with a space before it.
  func flags(in context: CommandContext) throws(QuarryError) -> String {
    let configuration = try ConfigurationLoader.load(fleet.config, in: context)
    return RunNarration.flags(
      try StorageSettings(storage, configuration: configuration.storage, context: context))
  }

  private var isFleetNamed: Bool { fleet.redis != nil || fleet.fleet != nil }
}

extension StorageOptions {
  /// - Throws: `QuarryError(.storage)` when there is nothing to read, `NotFound` when others lie where the dataset should.
  func reader(_ configuration: Configuration, remedy: String, in context: CommandContext) throws -> LodeReader {
    let settings = try StorageSettings(self, configuration: configuration.storage, context: context)
    let store = try settings.openForReading(in: context, remedy: remedy)
    let reader = settings.reader(of: store, in: context)
    try NotFound.check(reader)
    return reader
  }
}

extension FleetQueue {
  /// The runs that workers have now, of the jobs that are known to the fleet.
  func leasedRuns() async throws(QuarryError) -> Liveness.Leases {
    let asked = Timestamp.now()
    let jobs = try await jobs(limit: 500)
    var runs: Set<String> = []
    for job in jobs where job.status.leased > 0 {
      var offset: Int? = 0
      while let from = offset {
        let page = try await tasks(jobID: job.jobID, state: .leased, offset: from, limit: 500)
        runs.formUnion(page.tasks.compactMap(\.runID))
        offset = page.next
      }
    }
    return Liveness.Leases(jobs: Set(jobs.map(\.jobID)), runs: runs, asked: asked)
  }
}
