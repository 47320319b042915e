import QuarryCore

extension LodeReader {
  /// Calls `visit` with each run that the filter lets through, the newest first, until it returns false.
  /// - Returns: a sentence for each thing that could not be read.
  @discardableResult
  package func eachRun(
    _ filter: RunFilter = RunFilter(), visit: (RunSummary) throws(QuarryError) -> Bool
  ) throws(QuarryError) -> [String] {
    let listing = try runs(filter)
    for run in listing.rows where try !visit(run) { break }
    return listing.warnings
  }

  /// How many runs the filter lets through.
  package func runCounts(_ filter: RunFilter = RunFilter()) throws(QuarryError) -> RunCounts {
    var counts = RunCounts()
    counts.warnings = try eachRun(filter) { run in
      counts.add(run)
      return true
    }
    return counts
  }
}
