import QuarryCore
import QuarryLode

/// For commands that change or remove much at once: they do so only when they are told to.
struct ConfirmationOptions: ParsableArguments {
  @Flag("dry-run", help: "Show what would be done, and do nothing.")
  var dryRun = false
  @Flag("yes", help: "Do it.")
  var yes = false

  /// - Parameter done: what becomes of things, such as «removed».
  /// - Throws: `QuarryError(.usage)` unless one of the two is given.
  func require(_ done: String) throws(QuarryError) {
    guard dryRun == yes else { return }
    throw QuarryError(
      .usage, yes ? "--dry-run and --yes exclude each other" : "nothing is \(done) unasked",
      remedy: "--dry-run shows what would be \(done), --yes does it")
  }
}

/// The same for a whole dataset, and how much is shown of what was found.
struct SweepOptions: ParsableArguments {
  @OptionGroup var confirmation: ConfirmationOptions
  @OptionGroup var dataset: DatasetOptions
  @OptionGroup var singleWriter: SingleWriterOption
  @Option(
    "limit", help: ArgumentHelp("Show at most so many; all are counted. Default: 1000.", valueName: "n"),
    transform: Reading.positive)
  var limit: Int?

  /// Things that are shown at most.
  var shown: Int { limit ?? 1_000 }

  /// - Parameter done: what becomes of things, such as «removed».
  /// - Returns: the dataset's layout in a store that can be written, if anything is to be.
  /// - Throws: `QuarryError`, `NotFound`.
  func layout(_ done: String, in context: CommandContext) throws -> (any WritableStore, DatasetLayout) {
    try confirmation.require(done)
    let settings = try dataset.settings(singleWriter, in: context)
    let store = try confirmation.yes ? settings.openForChanging(in: context) : settings.openForReading(in: context)
    let reader = settings.reader(of: store, in: context)
    try NotFound.require(reader)
    return (store, reader.layout)
  }
}
