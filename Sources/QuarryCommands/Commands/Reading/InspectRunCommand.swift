import QuarryCore
import QuarryLode

struct InspectRunCommand: ViewableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Shows one run: state, counts, drops, flushes, artifacts, files, and where it stands among its relatives."
  )

  @Argument(help: ArgumentHelp("The run's id.", valueName: "id"))
  var id: String
  @OptionGroup var place: RunPlaceOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions
  @OptionGroup var view: ViewOptions

  func document(in context: CommandContext) async throws -> Output {
    let (reader, liveness) = try await place.dataset(in: context)
    let answer = try await Stored.ask { [id] () throws(QuarryError) in
      let run = try reader.run(id, liveness: liveness)
      let known = run == nil ? try reader.runIDs(limit: 1_000) : []
      let lineage = try run.map { run throws(QuarryError) in
        try Lineage.of(run.summary, reader: reader, liveness: liveness)
      }
      return (run, lineage, known, run == nil ? try reader.chainWarnings() : [])
    }
    guard case (let run?, let lineage?, _, _) = answer else {
      context.passOver(answer.3)
      throw NotFound.unknown(
        "run", id, "in \(reader.layout.folder)", among: answer.2,
        list: "quarry list runs\(try place.flags(in: context))")
    }
    context.passOver(run.warnings)
    return .run(run, lineage: lineage)
  }

  func mayChange(_ document: Output) -> Bool { document.hasOpenState }
}
