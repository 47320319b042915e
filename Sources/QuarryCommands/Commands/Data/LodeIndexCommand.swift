import QuarryCore
import QuarryLode

struct LodeIndexCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index",
    abstract: "Brings the index of runs up to date, which makes reading commands fast.",
    discussion: """
      The index is a cache beside the dataset; that of a bucket lies on this machine, below XDG_CACHE_HOME or ~/.cache. \
      Reading commands make it themselves when much is missing in it, and answer the same without it; it may be deleted at \
      any time.
      """)

  @Flag("anew", help: "Read every run again, whatever the index says.")
  var anew = false
  @OptionGroup var dataset: DatasetOptions
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let reader = try dataset.reader(in: context)
    let result = await OwnThread.run { [anew] in
      Result { () throws(QuarryError) in try reader.refreshIndex(anew: anew) }
    }
    if case .failure(let error) = result, error.kind == .storage {
      context.console.report(error)
      return ExitCode.failure
    }
    let figures = try result.get()
    guard let figures else {
      try NotFound.require(reader)
      throw NotFound.nothing("runs", in: reader)
    }
    let values: [(String, JSONValue)] = [
      ("index", .string(figures.path)), ("runs", .count(figures.runs)), ("snapshot", .string("\(figures.head)")),
      ("bytes", .count(figures.size)), ("snapshots_read", .count(figures.snapshotsRead)),
    ]
    try output.render(.record(values), in: context)
    return 0
  }
}
