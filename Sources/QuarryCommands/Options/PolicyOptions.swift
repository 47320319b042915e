import ArgumentParser
import QuarryCore

/// When the events of a run are written.
struct PolicyOptions: ParsableArguments {
  @Option(help: ArgumentHelp("strict (each read of the executor is one commit) or streaming. Default: strict.", valueName: "name"))
  var policy: String?

  @Option(
    help: ArgumentHelp("streaming: commit after so many events.", valueName: "n"), transform: Reading.positive)
  var flushCount: Int?

  @Option(
    help: ArgumentHelp("streaming: commit after so long, for example 500ms.", valueName: "time"),
    transform: Reading.duration)
  var flushInterval: Duration?
}

/// A policy with its numbers, as a run takes it and as a task carries it.
package enum PolicyChoice: Sendable, Equatable {
  case strict
  /// At least one of the two triggers.
  case streaming(count: Int?, interval: Duration?)

  static let defaultName = "strict"

  /// - Throws: `QuarryError(.usage)`.
  init(_ flags: PolicyOptions, configuration: Configuration.Policy) throws(QuarryError) {
    let name = flags.policy ?? configuration.name ?? Self.defaultName
    // A flag that names another policy leaves the numbers of the configuration's policy behind.
    let isConfigured = flags.policy == nil || flags.policy == configuration.name
    try self.init(
      name: name, count: flags.flushCount ?? (isConfigured ? configuration.flushCount : nil),
      interval: flags.flushInterval ?? (isConfigured ? configuration.flushInterval : nil))
  }

  init(name: String, count: Int?, interval: Duration?) throws(QuarryError) {
    switch name {
    case "strict":
      guard count == nil, interval == nil else {
        throw QuarryError(
          .usage, "flush triggers are for the streaming policy, not for strict",
          remedy: "add --policy streaming, or leave --flush-count and --flush-interval out")
      }
      self = .strict
    case "streaming":
      guard count != nil || interval != nil else {
        throw QuarryError(
          .usage, "the streaming policy needs a trigger", remedy: "add --flush-count N, --flush-interval TIME, or both")
      }
      self = .streaming(count: count, interval: interval)
    case "buffered": throw Unbuilt.refusal(of: Unbuilt.buffered, asked: "policy 'buffered'")
    default:
      let remedy = Nearest.to(name, among: ["strict", "streaming"]).map { "did you mean '\($0)'?" }
      throw QuarryError(.usage, "unknown policy '\(name)'", remedy: remedy ?? "use strict or streaming")
    }
  }
}

/// The text that a task carries: `strict`, `streaming flush-count=500 flush-interval=1000ms`.
extension PolicyChoice {
  package var taskText: String {
    switch self {
    case .strict: "strict"
    case .streaming(let count, let interval):
      "streaming" + (count.map { " flush-count=\($0)" } ?? "")
        + (interval.map { " flush-interval=\($0.milliseconds)ms" } ?? "")
    }
  }

  /// - Throws: `QuarryError(.usage)` for a text that no version of this program writes.
  package init(taskText: String) throws(QuarryError) {
    let words = taskText.split(separator: " ")
    var count: Int?
    var interval: Duration?
    for word in words.dropFirst() {
      let pair = word.split(separator: "=", maxSplits: 1).map(String.init)
      switch (pair.first, pair.last) {
      case ("flush-count", let value?) where Int(value) != nil: count = Int(value)
      case ("flush-interval", let value?) where Duration(text: value) != nil: interval = Duration(text: value)
      default: throw QuarryError(.usage, "unknown part '\(word)' in the policy '\(taskText)' of the task")
      }
    }
    try self.init(name: words.first.map(String.init) ?? "", count: count, interval: interval)
  }
}
