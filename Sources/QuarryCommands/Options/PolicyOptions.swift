import ArgumentParser
import QuarryCore
import QuarryRuntime

/// When the events of a run are written.
struct PolicyOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "strict (each read of the executor is one commit) or streaming. Default: strict.", valueName: "name"))
  var policy: String?

  @Option(
    help: ArgumentHelp("streaming: commit when so many events wait.", valueName: "n"), transform: Reading.positive)
  var flushCount: Int?

  @Option(
    help: ArgumentHelp("streaming: commit after so long, for example 500ms.", valueName: "time"),
    transform: Reading.duration)
  var flushInterval: Duration?
}

extension PolicyOptions {
  /// Flags over configuration; strict when neither says anything.
  /// - Throws: `QuarryError(.usage)`.
  func policy(configuration: Configuration.Policy) throws(QuarryError) -> PolicyConfiguration {
    let name = policy ?? configuration.name ?? PolicyConfiguration.strict.name.rawValue
    if name == "buffered" { throw Unbuilt.refusal(of: Unbuilt.buffered, asked: "policy 'buffered'") }
    if PolicyConfiguration.Name(rawValue: name) == nil, let nearest = Nearest.to(name, among: ["strict", "streaming"]) {
      throw QuarryError(.usage, "unknown policy '\(name)'", remedy: "did you mean '\(nearest)'?")
    }
    // A flag that names another policy leaves the numbers of the configuration's policy behind.
    let isConfigured = policy == nil || policy == configuration.name
    return try PolicyConfiguration(
      name: name, flushCount: flushCount ?? (isConfigured ? configuration.flushCount : nil),
      flushInterval: flushInterval ?? (isConfigured ? configuration.flushInterval : nil))
  }
}
