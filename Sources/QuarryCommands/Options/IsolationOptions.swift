import QuarryCore
import QuarryRuntime

/// How the runs of one command share executors.
struct IsolationOptions: ParsableArguments {
  @Option(
    "isolation",
    help: ArgumentHelp(
      "process: each run has a process. module: a process serves many runs, the script is imported anew for each. none: the script is imported once. Default: module; process for a single run.",
      valueName: "how"))
  var isolation: String?

  @Option(
    "executor-max-runs", help: ArgumentHelp("Replace an executor after so many runs. Default: 200.", valueName: "n"),
    transform: Reading.positive)
  var executorMaxRuns: Int?

  @Option(
    "executor-max-rss",
    help: ArgumentHelp(
      "Replace an executor that holds more memory between two runs. Default: 512MiB.", valueName: "size"),
    transform: Reading.byteCount)
  var executorMaxRss: Int?
}

/// The resolved isolation.
package struct IsolationSettings: Sendable, Equatable {
  package let isolation: Isolation
  package let limits: RecyclingLimits

  /// - Throws: `QuarryError(.usage)` for an isolation that is none.
  init(_ flags: IsolationOptions, configuration: Configuration.Fleet) throws(QuarryError) {
    let name = flags.isolation ?? configuration.isolation ?? Isolation.module.rawValue
    guard let isolation = Isolation(rawValue: name) else {
      let names = Isolation.allCases.map(\.rawValue)
      throw QuarryError(
        .usage, "unknown isolation '\(name)'",
        remedy: Nearest.to(name, among: names).map { "did you mean '\($0)'?" } ?? "use \(names.joined(separator: ", "))"
      )
    }
    self.isolation = isolation
    var limits = RecyclingLimits()
    limits.runs = flags.executorMaxRuns ?? configuration.executorMaxRuns ?? limits.runs
    limits.memory = flags.executorMaxRss ?? configuration.executorMaxRSS ?? limits.memory
    self.limits = limits
  }
}
