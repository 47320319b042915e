import QuarryCore

/// Which policy a run has, with its numbers.
package struct PolicyConfiguration: Sendable, Equatable {
  package enum Name: String, Sendable, CaseIterable {
    /// Nothing more is read until all that was read is in storage.
    case strict
    /// Few large commits from a bounded buffer; drops what may be dropped when it is full.
    case buffered
    /// Flushes by count or time beside the reading; no drops.
    case streaming
  }

  /// The numbers as they were given, each for one policy.
  package struct Numbers: Sendable, Equatable {
    /// streaming: events that wait when a flush is due, from 1.
    package var flushCount: Int?
    /// streaming: how long an event may wait for its flush, from 1 ms.
    package var flushInterval: Duration?
    /// buffered: events that may wait, from 1.
    package var bufferEvents: Int?
    /// buffered: bytes of lines that may wait, from 1.
    package var bufferBytes: Int?
    /// buffered: what a failed flush leaves; `at_least_once` when nil.
    package var flushMode: FlushMode?

    package init(
      flushCount: Int? = nil, flushInterval: Duration? = nil, bufferEvents: Int? = nil, bufferBytes: Int? = nil,
      flushMode: FlushMode? = nil
    ) {
      self.flushCount = flushCount
      self.flushInterval = flushInterval
      self.bufferEvents = bufferEvents
      self.bufferBytes = bufferBytes
      self.flushMode = flushMode
    }

    var isOfStreaming: Bool { flushCount != nil || flushInterval != nil }
    var isOfBuffered: Bool { hasBound || flushMode != nil }
    var hasBound: Bool { bufferEvents != nil || bufferBytes != nil }
  }

  package let name: Name
  package let numbers: Numbers

  package static let strict = PolicyConfiguration(valid: .strict, Numbers())

  private init(valid name: Name, _ numbers: Numbers) {
    self.name = name
    self.numbers = numbers
  }

  /// - Throws: `QuarryError(.usage)` for an unknown name, for numbers that the policy does not take, for a streaming
  ///   policy that would never flush and for a buffered one without a bound.
  package init(name: String, _ numbers: Numbers = Numbers()) throws(QuarryError) {
    guard let known = Name(rawValue: name) else {
      throw QuarryError(.usage, "unknown policy '\(name)'", remedy: "use strict, streaming or buffered")
    }
    try Self.check(numbers, belongTo: known)
    try Self.checkRanges(numbers)
    self.init(valid: known, numbers)
  }

  private static func check(_ numbers: Numbers, belongTo name: Name) throws(QuarryError) {
    if name != .streaming, numbers.isOfStreaming {
      throw QuarryError(
        .usage, "--flush-count and --flush-interval are for the streaming policy", remedy: "add --policy streaming")
    }
    if name != .buffered, numbers.isOfBuffered {
      throw QuarryError(
        .usage, "--buffer-events, --buffer-bytes and --flush-mode are for the buffered policy",
        remedy: "add --policy buffered")
    }
    if name == .streaming, !numbers.isOfStreaming {
      throw QuarryError(
        .usage, "the streaming policy needs a trigger", remedy: "add --flush-count N, --flush-interval T, or both")
    }
    if name == .buffered, !numbers.hasBound {
      throw QuarryError(
        .usage, "the buffered policy needs a bound", remedy: "add --buffer-events N, --buffer-bytes N, or both")
    }
  }

  private static func checkRanges(_ numbers: Numbers) throws(QuarryError) {
    for (flag, value) in [
      ("--flush-count", numbers.flushCount), ("--buffer-events", numbers.bufferEvents),
      ("--buffer-bytes", numbers.bufferBytes),
    ] {
      if let value, value < 1 { throw QuarryError(.usage, "\(flag) \(value) is below 1") }
    }
    if let interval = numbers.flushInterval, interval < .milliseconds(1) {
      throw QuarryError(.usage, "--flush-interval is shorter than 1ms")
    }
  }
}
