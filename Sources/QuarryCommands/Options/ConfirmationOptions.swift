import QuarryCore

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

/// The same, and how much is shown of what was found.
struct SweepOptions: ParsableArguments {
  @OptionGroup var confirmation: ConfirmationOptions
  @Option(
    "limit", help: ArgumentHelp("Show at most so many; all are counted. Default: 1000.", valueName: "n"),
    transform: Reading.positive)
  var limit: Int?

  /// Things that are shown at most.
  var shown: Int { limit ?? 1_000 }
}
