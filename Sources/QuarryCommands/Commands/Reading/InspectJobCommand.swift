import QuarryCore
import QuarryFleet
import QuarryLode

struct InspectJobCommand: ViewableCommand {
  static let configuration = CommandConfiguration(
    commandName: "job",
    abstract:
      "Shows one job: its state and its runs as a tree; with --fleet or --redis alone what a live fleet knows of it.")

  @Argument(help: ArgumentHelp("The job's id.", valueName: "id"))
  var id: String
  @OptionGroup var place: RunPlaceOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions
  @OptionGroup var view: ViewOptions

  func document(in context: CommandContext) async throws -> Output {
    switch try await place.source(in: context) {
    case .live(let address): try await live(address, in: context)
    case .dataset(let reader, let liveness): try await stored(reader, liveness, in: context)
    }
  }

  private func stored(_ reader: LodeReader, _ liveness: Liveness, in context: CommandContext) async throws -> Output {
    let (job, known, damages) = try await Stored.ask { [id] () throws(QuarryError) in
      var damages: [String] = []
      let job = try reader.job(id, liveness: liveness) { damages.append($0) }
      return (job, job == nil ? try reader.jobs(limit: 1_000).rows.map(\.jobID) : [], damages)
    }
    context.passOver(damages)
    guard let job else {
      try NotFound.require(reader)
      throw NotFound.job(id, context.whatWasRead(reader), in: reader, among: known)
    }
    return .job(job)
  }

  func mayChange(_ document: Output) -> Bool { document.hasOpenState }

  private func live(_ address: FleetAddress, in context: CommandContext) async throws -> Output {
    let (job, runs, known) = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
      let job = try await queue.job(id)
      let runs = job == nil ? [] : try await queue.listTasks(jobID: id, limit: 1_000).compactMap(\.runID)
      let known = job == nil ? try await queue.jobs(limit: 500).map(\.jobID) : []
      // A job that is listed and has no key of its own: why there is nothing to show, and what helps.
      if known.contains(id) { _ = try await queue.status(jobID: id) }
      return (job, runs, known)
    }
    guard let job else {
      throw NotFound.unknown(
        "job", id, "in fleet '\(address.name)'", among: known, list: "quarry list jobs\(address.flags)")
    }
    return .job(job, runIDs: runs)
  }
}
