import QuarryCore

/// Running what a script enqueues, in the same process.
package struct FanOutOptions: ParsableArguments {
  package init() {}

  @Option(
    "depth",
    help: ArgumentHelp(
      "Run what scripts enqueue, down to this distance from the root. Default: 0, nothing.", valueName: "n"),
    transform: Reading.natural)
  var depth: Int?

  @Option(
    "max-runs",
    help: ArgumentHelp("The most child runs; needed with --depth. The root is not counted.", valueName: "n"),
    transform: Reading.positive)
  var maxRuns: Int?

  @Option(
    "parallel", help: ArgumentHelp("Child runs at once, at most 256. Default: 1.", valueName: "n"),
    transform: Reading.runsAtOnce)
  var parallel: Int?

  package struct Limits: Sendable, Equatable {
    package let depth: Int
    package let maximumRuns: Int
    package let parallel: Int

    package init(depth: Int, maximumRuns: Int, parallel: Int) {
      self.depth = depth
      self.maximumRuns = maximumRuns
      self.parallel = parallel
    }
  }

  /// - Returns: nil when nothing is to be fanned out.
  /// - Throws: `QuarryError(.usage)` for a depth without a bound.
  func limits(_ console: Console) throws(QuarryError) -> Limits? {
    let depth = depth ?? 0
    guard depth > 0 else {
      if let parallel, parallel > 1 { console.warn("--parallel \(parallel) has no effect without --depth") }
      if maxRuns != nil { console.warn("--max-runs has no effect without --depth") }
      return nil
    }
    guard let maxRuns else {
      throw QuarryError(
        .usage, "--depth \(depth) needs a bound for the number of runs", remedy: "add --max-runs N, for example 100")
    }
    return Limits(depth: depth, maximumRuns: maxRuns, parallel: parallel ?? 1)
  }
}
