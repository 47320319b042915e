import QuarryCore
import QuarryRuntime

/// When the events of a run are written.
struct PolicyOptions: ParsableArguments {
  @Option(
    "policy",
    help: ArgumentHelp(
      "strict (each read of the executor is one commit), streaming or buffered. Default: strict.", valueName: "name"))
  var policy: String?

  @Option(
    "flush-count", help: ArgumentHelp("streaming: commit when so many events wait.", valueName: "n"),
    transform: Reading.positive)
  var flushCount: Int?

  @Option(
    "flush-interval", help: ArgumentHelp("streaming: commit after so long, for example 500ms.", valueName: "time"),
    transform: Reading.duration)
  var flushInterval: Duration?

  @Option(
    "buffer-events", help: ArgumentHelp("buffered: events that may wait in memory.", valueName: "n"),
    transform: Reading.positive)
  var bufferEvents: Int?

  @Option(
    "buffer-bytes",
    help: ArgumentHelp("buffered: how much of records may wait in memory, for example 8MiB.", valueName: "size"),
    transform: Reading.byteCount)
  var bufferBytes: Int?

  @Option(
    "flush-mode",
    help: ArgumentHelp(
      "buffered: what a failed flush keeps: at_least_once (all), chunks_first (what is not written) or two_phase "
        + "(what is not written, apart from later events). Default: at_least_once.", valueName: "mode"))
  var flushMode: String?
}

extension PolicyOptions {
  /// Flags over configuration; strict when neither says anything.
  /// - Throws: `QuarryError(.usage)`.
  func policy(configuration: Configuration.Policy) throws(QuarryError) -> PolicyConfiguration {
    let name = policy ?? configuration.name ?? PolicyConfiguration.strict.name.rawValue
    let names = PolicyConfiguration.Name.allCases.map(\.rawValue)
    if !names.contains(name), let nearest = Nearest.to(name, among: names) {
      throw QuarryError(.usage, "unknown policy '\(name)'", remedy: "did you mean '\(nearest)'?")
    }
    // A flag that names another policy leaves the numbers of the configuration's policy behind.
    let configured = policy == nil || policy == configuration.name ? configuration : Configuration.Policy()
    return try PolicyConfiguration(
      name: name,
      PolicyConfiguration.Numbers(
        flushCount: flushCount ?? configured.flushCount, flushInterval: flushInterval ?? configured.flushInterval,
        bufferEvents: bufferEvents ?? configured.bufferEvents, bufferBytes: bufferBytes ?? configured.bufferBytes,
        flushMode: try mode(flushMode ?? configured.flushMode)))
  }

  private func mode(_ text: String?) throws(QuarryError) -> FlushMode? {
    guard let text else { return nil }
    if let mode = FlushMode(rawValue: text) { return mode }
    let modes = FlushMode.allCases.map(\.rawValue)
    let remedy = Nearest.to(text, among: modes).map { "did you mean '\($0)'?" }
    throw QuarryError(
      .usage, "unknown flush mode '\(text)'", remedy: remedy ?? "use \(modes.joined(separator: ", "))")
  }
}
