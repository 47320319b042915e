import QuarryCore

/// Which policy a run has, with its numbers.
package struct PolicyConfiguration: Sendable, Equatable {
  package enum Name: String, Sendable, CaseIterable {
    /// Nothing more is read until all that was read is in storage.
    case strict
    /// Bounded buffer with drops. Its place is here; this version refuses it.
    case buffered
    /// Flushes by count or time beside the reading; no drops.
    case streaming
  }

  package let name: Name
  /// streaming: events after which it flushes, from 1.
  package let flushCount: Int?
  /// streaming: how long an event may wait for its flush.
  package let flushInterval: Duration?

  package static let strict = PolicyConfiguration(valid: .strict)

  private init(valid name: Name, flushCount: Int? = nil, flushInterval: Duration? = nil) {
    self.name = name
    self.flushCount = flushCount
    self.flushInterval = flushInterval
  }

  /// - Throws: `QuarryError(.usage)` for an unknown name, for `buffered`, for numbers that the policy does not take
  ///   and for a streaming policy that would never flush.
  package init(name: String, flushCount: Int? = nil, flushInterval: Duration? = nil) throws(QuarryError) {
    guard let known = Name(rawValue: name) else {
      throw QuarryError(.usage, "unknown policy '\(name)'", remedy: "use strict or streaming")
    }
    switch known {
    case .buffered:
      throw QuarryError(
        .usage, "the buffered policy is not built in this version", remedy: "use --policy strict or --policy streaming")
    case .strict:
      guard flushCount == nil, flushInterval == nil else {
        throw QuarryError(
          .usage, "--flush-count and --flush-interval are for the streaming policy", remedy: "add --policy streaming")
      }
    case .streaming:
      guard flushCount != nil || flushInterval != nil else {
        throw QuarryError(
          .usage, "the streaming policy needs a trigger", remedy: "add --flush-count N, --flush-interval T, or both")
      }
      guard flushCount ?? 1 >= 1 else { throw QuarryError(.usage, "--flush-count \(flushCount ?? 0) is below 1") }
      guard flushInterval ?? .milliseconds(1) >= .milliseconds(1) else {
        throw QuarryError(.usage, "--flush-interval is shorter than 1ms")
      }
    }
    self.init(valid: known, flushCount: flushCount, flushInterval: flushInterval)
  }
}

/// The form that a task carries: `strict`, `streaming flush-count=500 flush-interval=1000ms`.
extension PolicyConfiguration {
  package var text: String {
    var words = [name.rawValue]
    if let flushCount { words.append("flush-count=\(flushCount)") }
    if let flushInterval { words.append("flush-interval=\(flushInterval.milliseconds)ms") }
    return words.joined(separator: " ")
  }

  /// - Throws: `QuarryError(.usage)` naming the word that is not part of a policy.
  package init(text: String) throws(QuarryError) {
    let words = text.split(separator: " ")
    var flushCount: Int?
    var flushInterval: Duration?
    for word in words.dropFirst() {
      let pair = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let value = pair.count == 2 ? pair[1] : ""
      if pair[0] == "flush-count", let count = Int(value) {
        flushCount = count
      } else if pair[0] == "flush-interval", let interval = Duration(text: value) {
        flushInterval = interval
      } else {
        throw QuarryError(.usage, "'\(word)' is not part of a policy, in '\(text)'")
      }
    }
    try self.init(name: words.first.map(String.init) ?? "", flushCount: flushCount, flushInterval: flushInterval)
  }
}
