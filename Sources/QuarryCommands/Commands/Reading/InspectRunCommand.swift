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
      var warnings: [String] = []
      let note = { (warning: String) in if !warnings.contains(warning) { warnings.append(warning) } }
      let run = try reader.run(id, liveness: liveness, note: note)
      let known = run == nil ? try reader.runIDs(limit: 1_000) : []
      let lineage = try run.map { run throws(QuarryError) in
        try Lineage.of(run.summary, reader: reader, liveness: liveness, note: note)
      }
      return (run, lineage, known, warnings)
    }
    context.passOver(answer.3)
    guard case (let run?, let lineage?, _, _) = answer else {
      try NotFound.require(reader)
      throw NotFound.unknown(
        "run", id, context.whatWasRead(reader), among: answer.2,
        list: "quarry list runs\(try place.flags(in: context))")
    }
    return .run(run, lineage: lineage)
  }

  func mayChange(_ document: Output) -> Bool { document.hasOpenState }
}
