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
  @OptionGroup var view: ViewOptions

  func document(in context: CommandContext) async throws -> Output {
    let (reader, liveness) = try await place.dataset(in: context)
    let answer = try await Stored.ask { [id] () throws(QuarryError) in
      let run = try reader.run(id, liveness: liveness)
      let known = run == nil ? try reader.runIDs(limit: 1_000) : []
      let lineage = try run.map { run throws(QuarryError) in
        try Lineage.of(run.summary, reader: reader, liveness: liveness)
      }
      return (run, lineage, known)
    }
    guard case (let run?, let lineage?, _) = answer else {
      throw NotFound.unknown(
        "run", id, "in \(reader.layout.folder)", among: answer.2,
        list: "quarry list runs\(try place.flags(in: context))")
    }
    for warning in run.warnings { context.console.warn(warning) }
    return .run(run, lineage: lineage)
  }

  func mayChange(_ document: Output) -> Bool { document.hasOpenState }
}
